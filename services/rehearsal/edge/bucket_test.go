package edge_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"wikibot.io/services/rehearsal/edge"
	"wikibot.io/services/rehearsal/template"
)

// bucketed are resources whose distribution reads a bucket that lets it.
func bucketed() object {
	r := resources()
	r["App"] = object{"Type": "AWS::S3::Bucket", "Properties": object{}}
	r["Access"] = object{"Type": "AWS::CloudFront::OriginAccessControl", "Properties": object{}}
	r["Policy"] = object{"Type": "AWS::S3::BucketPolicy", "Properties": object{"Bucket": object{"Ref": "App"}, "PolicyDocument": object{"Statement": []any{object{
		"Effect": "Allow", "Principal": object{"Service": "cloudfront.amazonaws.com"}, "Action": "s3:GetObject", "Resource": object{"Fn::Sub": "${App.Arn}/*"},
		"Condition": object{"StringEquals": object{"AWS:SourceArn": object{"Fn::Sub": "arn:aws:cloudfront::${AWS::AccountId}:distribution/${Distribution}"}}},
	}}}}}
	config(r)["Origins"] = []any{object{"Id": "site", "DomainName": object{"Fn::GetAtt": []any{"App", "RegionalDomainName"}}, "OriginAccessControlId": object{"Ref": "Access"}, "S3OriginConfig": object{}}}
	delete(behavior(r), "OriginRequestPolicyId")
	return r
}

func read(t *testing.T, r object, method, path string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	e, err := edge.New(edge.Options{
		Deployment: load(t, r), Domain: "site.test", Root: "site.localhost:8080", Origin: func(string) http.Handler { return nil },
		Bucket: func(template.Resource) (edge.Objects, error) {
			return edge.Upload(fstest.MapFS{"index.html": {Data: []byte("<html>")}, "assets/a b.js": {Data: []byte("let x")}, "favicon.svg": {Data: []byte("<svg/>")}, ".gitkeep": {}}, "app/")
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	req := httptest.NewRequest(method, path, nil)
	req.Host = "site.localhost"
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	e.ServeHTTP(w, req)
	return w
}

func statement(r object) object {
	return at(r, "Policy", "Properties", "PolicyDocument")["Statement"].([]any)[0].(object)
}

func TestBucketAnswersAsItsPolicySays(t *testing.T) {
	for why, c := range map[string]struct {
		change func(object)
		path   string
		status int
		body   string
	}{
		"an object":                              {func(object) {}, "/app/index.html", 200, "<html>"},
		"an object whose key is escaped":         {func(object) {}, "/app/assets/a%20b.js", 200, "let x"},
		"no object, and no leave to know that":   {func(object) {}, "/app/x", 403, "AccessDenied"},
		"a folder is no object":                  {func(object) {}, "/app/", 403, "AccessDenied"},
		"a hidden file stays behind":             {func(object) {}, "/app/.gitkeep", 403, "AccessDenied"},
		"a policy for another distribution":      {func(r object) { at(statement(r), "Condition")["StringEquals"] = object{"AWS:SourceArn": "arn:x"} }, "/app/index.html", 403, "AccessDenied"},
		"a policy for other objects":             {func(r object) { statement(r)["Resource"] = "arn:aws:s3:::other/*" }, "/app/index.html", 403, "AccessDenied"},
		"requests that are not signed":           {func(r object) { delete(config(r)["Origins"].([]any)[0].(object), "OriginAccessControlId") }, "/app/index.html", 403, "AccessDenied"},
		"no object, for those who may list":      {func(r object) { lists(r) }, "/app/x", 404, "NoSuchKey"},
		"an object that is the root of the site": {func(r object) { config(r)["DefaultRootObject"] = "app/index.html" }, "/", 200, "<html>"},
		"a path that climbs out":                 {func(r object) { lists(r) }, "/app/..%2f..%2fapp/index.html", 404, "NoSuchKey"},
	} {
		r := bucketed()
		c.change(r)
		if w := read(t, r, "GET", c.path); w.Code != c.status || !strings.Contains(w.Body.String(), c.body) {
			t.Errorf("%s: %d %q", why, w.Code, w.Body)
		}
	}
}

func lists(r object) {
	list := maps.Clone(statement(r))
	list["Action"], list["Resource"] = []any{"s3:ListBucket"}, object{"Fn::GetAtt": []any{"App", "Arn"}}
	doc := at(r, "Policy", "Properties", "PolicyDocument")
	doc["Statement"] = append(slices.Clone(doc["Statement"].([]any)), list)
}

func TestBucketIsNeverWrittenTo(t *testing.T) {
	for _, method := range []string{"PUT", "POST", "DELETE", "PATCH", "OPTIONS"} {
		if w := read(t, bucketed(), method, "/app/index.html"); w.Code != 403 {
			t.Errorf("%s = %d", method, w.Code)
		}
	}
}

func TestObjectsHaveTheHeadersOfTheirUpload(t *testing.T) {
	for path, want := range map[string][2]string{"/app/index.html": {"text/html", "no-cache"}, "/app/favicon.svg": {"image/svg+xml", "public, max-age=86400"}, "/app/assets/a%20b.js": {"text/javascript", "public, max-age=31536000, immutable"}} {
		w := read(t, bucketed(), "HEAD", path)
		if h := w.Header(); h.Get("Content-Type") != want[0] || h.Get("Cache-Control") != want[1] || h.Get("Etag") == "" || w.Body.Len() != 0 {
			t.Errorf("%s: %v", path, h)
		}
	}
}

func TestSourceMapsAreNotUploaded(t *testing.T) {
	if _, err := edge.Upload(fstest.MapFS{"assets/a.js.map": {}}, "app/"); err == nil {
		t.Error("a source map was uploaded")
	}
}
