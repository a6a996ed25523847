package cost

// Traffic is what an average wiki sees in a month.
type Traffic struct {
	Views   float64 // pages that people look at
	Reads   float64 // pages, lists and searches that agents and scripts ask for
	Saves   float64
	Fetches float64 // of git, most of which find nothing new
	Opens   float64 // of the above, met by a process that does not know the wiki

	FilesGB  float64 // of repository and index
	AnswerGB float64 // sent to the viewer, for each request
}

// Average is what the cost page assumes: a small wiki with one busy agent. Most
// wikis are idle and a few are busy; only the sum matters here.
var Average = Traffic{
	Views: 300, Reads: 600, Saves: 60, Fetches: 30, Opens: 60,
	FilesGB: 0.008, AnswerGB: 20e-6,
}

// Requests is how many requests the wiki answers.
func (t Traffic) Requests() float64 { return t.Views + t.Reads + t.Saves + t.Fetches }

// work is what one thing asks for: request units of DynamoDB and operations on
// files as scripts/bench rehearsal counts them, time as it measures it plus 3 ms
// more for each read of a record than the emulator takes.
type work struct {
	rru, wru float64
	files    float64 // operations
	gbs      float64 // GB-seconds of Lambda
	events   float64 // put on the bus
	calls    float64 // of functions, beside the one that answers
}

const (
	large = 1769.0 / 1024 // GB of the functions that mount files
	small = 0.5           // of management
	tiny  = 0.25          // of relay
)

var (
	view  = work{rru: 3, gbs: 0.015 * large}
	read  = work{rru: 4, gbs: 0.020 * large}
	fetch = work{rru: 4, gbs: 0.040 * large}
	save  = work{rru: 5, wru: 1, files: 14, gbs: 0.065 * large}
	// What follows from a save: relay, embedding for the index and for the packs,
	// management. Most of the files are read by embedding processes that meet the wiki
	// for the first time. Every 32nd save has the packs folded: that reads and removes
	// each once, and writes to the record three times.
	after = work{rru: 4, wru: 1.1 + 3.0/32, files: 60 + 6, gbs: 0.020*tiny + 0.060*large + 0.020*small, events: 1 + 1.0/32, calls: 4}
	// A process that meets a wiki for the first time reads the indexes of the packs
	// that are not folded yet (half of 32 on average), those of the bases, and the
	// published index. The time is from before packs were folded, and so too long.
	open = work{rru: 2, files: 2*16 + 2*3 + 4, gbs: 0.4 * large}
)

func (w work) times(n float64) work {
	return work{w.rru * n, w.wru * n, w.files * n, w.gbs * n, w.events * n, w.calls * n}
}

func (w work) and(o work) work {
	return work{w.rru + o.rru, w.wru + o.wru, w.files + o.files, w.gbs + o.gbs, w.events + o.events, w.calls + o.calls}
}

func (t Traffic) work() work {
	return view.times(t.Views).and(read.times(t.Reads)).and(save.times(t.Saves)).and(after.times(t.Saves)).
		and(fetch.times(t.Fetches)).and(open.times(t.Opens))
}

// What is paid by use, in dollars.
const (
	edgeMillion     = 1.00 // CloudFront: a million requests by HTTPS
	edgeGB          = 0.085
	edgeCodeMillion = 0.10 // CloudFront Functions
	edgeFnMillion   = 0.66 // Lambda@Edge: a million calls of 2 ms
	callMillion     = 0.20 // Lambda
	gbSecond        = 0.0000133334
	rruMillion      = 0.125 // DynamoDB on demand
	wruMillion      = 0.625
	filesReadGB     = 0.03 // EFS, elastic throughput
	filesWriteGB    = 0.06
	eventMillion    = 1.00
	logGB           = 0.50 // CloudWatch Logs, taken in
	metric          = 0.30 // one of our own, a month
	traceMillion    = 5.00
	firewallMillion = 0.60
)

const (
	million      = 1e6
	logRecordGB  = 1e-6 // one log record and one metrics record of a request
	traced       = 0.05 // share of requests
	smallestFile = 4e-6 // GB that an operation on files counts for at least
	assets       = 1.3  // requests at the edge for each that a function answers
	ownMetrics   = 60   // routes by class of status, subscriptions
)

// Month lists what so many wikis cost a month beyond what an idle stage costs.
func Month(wikis float64, t Traffic, firewall bool) []Line {
	w := t.work().times(wikis)
	requests := t.Requests() * wikis
	lines := []Line{
		{"edge: million requests", requests * assets / million, edgeMillion + edgeCodeMillion},
		{"edge: GB sent", requests * t.AnswerGB, edgeGB},
		{"edge: million challenges looked at", requests / million, edgeFnMillion},
		{"functions: million calls", (requests + w.calls) / million, callMillion},
		{"functions: thousand GB-seconds", w.gbs / 1000, gbSecond * 1000},
		{"records: million reads", w.rru / million, rruMillion},
		{"records: million writes", w.wru / million, wruMillion},
		{"records: GB", wikis * 3e-6, tableGB + tableRestoreGB + tableBackupGB},
		{"files: GB stored", wikis * t.FilesGB, filesGB},
		{"files: GB backed up", wikis * t.FilesGB, filesBackupGB},
		{"files: GB read", (open.files*t.Opens + after.files*t.Saves) * wikis * smallestFile, filesReadGB},
		{"files: GB written", save.files * t.Saves * wikis * smallestFile, filesWriteGB},
		{"bus: million events", w.events / million, eventMillion},
		{"logs: GB", (requests + w.calls) * logRecordGB, logGB},
		{"metrics", ownMetrics, metric},
		{"traces: million", (requests + w.calls) * traced / million, traceMillion},
	}
	if firewall {
		lines = append(lines, Line{"firewall: million requests", requests * assets / million, firewallMillion})
	}
	return lines
}

// Load is what so many wikis ask for at the busiest hour, ten times the average.
type Load struct {
	Requests   float64 // a second, of functions
	Saves      float64 // a second
	Sandboxes  float64 // functions running at once
	Reads      float64 // RRU a second
	Writes     float64 // WRU a second
	Files      float64 // operations a second
	Folders    float64
	FilesCount float64
	GB         float64
}

const (
	second  = 1.0 / (30 * 24 * 3600) // of a month
	busiest = 10.0
	// files of a wiki: two to each pack that is not folded yet (16 on average) or was
	// with the last 32 and waits for the next fold, three to each of three bases, and
	// a dozen besides.
	files = 2*(16+32) + 3*3 + 12
)

// Busiest computes the load.
func Busiest(wikis float64, t Traffic) Load {
	w := t.work().times(wikis * second * busiest)
	return Load{
		Requests: t.Requests() * wikis * second * busiest, Saves: t.Saves * wikis * second * busiest,
		Sandboxes: w.gbs / large, Reads: w.rru, Writes: w.wru, Files: w.files,
		Folders: wikis, FilesCount: wikis * files, GB: wikis * t.FilesGB,
	}
}
