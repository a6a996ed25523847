package eventbridgetest

import (
	"cmp"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"
)

// defaultVisibility is how long a received message stays hidden where neither
// the queue nor the receiver says otherwise.
const defaultVisibility = 30 * time.Second

// Message is one message in a queue.
type Message struct {
	ID         string
	Body       string
	Attributes map[string]string // message attributes of type String
	Sent       time.Time
	Receives   int // how often it was received
}

// Queue is one standard queue, in memory. It is safe for concurrent use.
type Queue struct {
	name       string
	url        string
	visibility time.Duration

	mu       sync.Mutex
	messages []*held
	arrived  chan struct{} // closed, and replaced, when a message comes
}

type held struct {
	Message
	receipt string    // of the latest receiver
	hidden  time.Time // until then
}

// Name is the last part of the queue's URL and ARN.
func (q *Queue) Name() string { return q.name }

// URL is what SQS's operations take.
func (q *Queue) URL() string { return q.url }

// ARN is what destinations and dead-letter configurations take.
func (q *Queue) ARN() string { return arn("sqs", q.name) }

// Send puts a message in, as SQS's other clients within AWS do.
func (q *Queue) Send(body string, attributes map[string]string) (id string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	m := &held{Message: Message{ID: uuid.NewString(), Body: body, Attributes: attributes, Sent: time.Now()}}
	q.messages = append(q.messages, m)
	close(q.arrived)
	q.arrived = make(chan struct{})
	return m.ID
}

// Messages returns everything in the queue, hidden or not, without receiving it.
func (q *Queue) Messages() []Message {
	q.mu.Lock()
	defer q.mu.Unlock()
	var all []Message
	for _, m := range q.messages {
		all = append(all, m.Message)
	}
	return all
}

// receipt is a message as a receiver gets it.
type receipt struct {
	Message
	handle string
}

// receive hides and returns up to n visible messages. The channel tells of new
// ones, for a receiver that wants to wait.
func (q *Queue) receive(n int, visibility time.Duration) ([]receipt, <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	var got []receipt
	for _, m := range q.messages {
		if len(got) == n {
			break
		}
		if m.hidden.After(now) {
			continue
		}
		m.Receives++
		m.receipt, m.hidden = uuid.NewString(), now.Add(visibility)
		got = append(got, receipt{m.Message, m.receipt})
	}
	return got, q.arrived
}

// delete removes the message that a receipt stands for. As on SQS, a receipt
// that a later receiver has replaced deletes nothing, and is no error.
func (q *Queue) delete(handle string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.messages = slices.DeleteFunc(q.messages, func(m *held) bool { return m.receipt == handle })
}

// hide changes how long a received message stays hidden, from now on.
func (q *Queue) hide(handle string, d time.Duration) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, m := range q.messages {
		if m.receipt == handle {
			m.hidden = time.Now().Add(d)
			return true
		}
	}
	return false
}

// attributes are what GetQueueAttributes reports.
func (q *Queue) attributes() map[string]string {
	q.mu.Lock()
	defer q.mu.Unlock()
	hidden := 0
	for _, m := range q.messages {
		if m.hidden.After(time.Now()) {
			hidden++
		}
	}
	return map[string]string{
		"ApproximateNumberOfMessages":           strconv.Itoa(len(q.messages) - hidden),
		"ApproximateNumberOfMessagesNotVisible": strconv.Itoa(hidden),
		"ApproximateNumberOfMessagesDelayed":    "0",
		"QueueArn":                              q.ARN(),
		"VisibilityTimeout":                     strconv.Itoa(int(q.visibility / time.Second)),
		"MaximumMessageSize":                    strconv.Itoa(maxMessageBytes),
	}
}

// Queues is SQS: an http.Handler for its JSON protocol, and the queues.
type Queues struct {
	base string

	mu     sync.Mutex
	queues map[string]*Queue
}

// NewQueues returns queues whose URLs begin with base, for instance
// "http://127.0.0.1:4100".
func NewQueues(base string) *Queues { return &Queues{base: base, queues: map[string]*Queue{}} }

// Add makes a queue, or returns the one of that name. Visibility is how long a
// received message stays hidden; 0 means 30 s.
func (s *Queues) Add(name string, visibility time.Duration) *Queue {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.queues[name]
	if q == nil {
		q = &Queue{
			name: name, url: s.base + "/" + account + "/" + name,
			visibility: cmp.Or(visibility, defaultVisibility), arrived: make(chan struct{}),
		}
		s.queues[name] = q
	}
	return q
}

// Queue returns the queue of that name, or nil.
func (s *Queues) Queue(name string) *Queue {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.queues[name]
}
