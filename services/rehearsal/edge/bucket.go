package edge

import (
	"bytes"
	"crypto/md5" // S3's ETag of a plain upload
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"wikibot.io/services/rehearsal/template"
)

// Upload gives the objects that result from uploading a build of the app under
// a prefix, as scripts/deploy does it: files below assets/ have names made from
// their content and are kept for ever, index.html is asked for each time, other
// files once a day. Hidden files stay behind; source maps are refused.
func Upload(build fs.FS, prefix string) (Objects, error) {
	objects := Objects{}
	err := fs.WalkDir(build, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasPrefix(entry.Name(), ".") {
			return err
		}
		if strings.HasSuffix(name, ".map") {
			return fmt.Errorf("%s is a source map, which must not be public", name)
		}
		body, err := fs.ReadFile(build, name)
		if err != nil {
			return err
		}
		o := Object{Body: body, ContentType: contentType(name), CacheControl: "public, max-age=86400"}
		switch {
		case strings.HasPrefix(name, "assets/"):
			o.CacheControl = "public, max-age=31536000, immutable"
		case name == "index.html":
			o.CacheControl = "no-cache"
		}
		objects[prefix+name] = o
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("upload the app: %w", err)
	}
	return objects, nil
}

func contentType(name string) string {
	switch path.Ext(name) { // the system's table of types may say otherwise
	case ".js":
		return "text/javascript"
	case ".css":
		return "text/css"
	case ".html":
		return "text/html"
	case ".svg":
		return "image/svg+xml"
	case ".json":
		return "application/json"
	}
	if t := mime.TypeByExtension(path.Ext(name)); t != "" {
		return t
	}
	return "application/octet-stream"
}

// bucket answers as S3 does to a distribution, if the bucket's policy lets it
// in.
type bucket struct {
	objects   Objects
	get, list bool
	since     time.Time
}

func (e *Edge) bucket(distribution template.Resource, o declaredOrigin, r template.Resource) (http.Handler, error) {
	objects, err := e.Bucket(r)
	if err != nil {
		return nil, fmt.Errorf("objects of %s: %w", r.Path(), err)
	}
	if o.OriginAccessControlID != "" {
		if c, ok := e.Deployment.Find(o.OriginAccessControlID); !ok || c.Type != "AWS::CloudFront::OriginAccessControl" {
			return nil, fmt.Errorf("origin %s: there is no origin access control %s", o.ID, o.OriginAccessControlID)
		}
	}
	b := &bucket{objects: objects, since: e.Now().UTC().Truncate(time.Second)}
	if o.OriginAccessControlID == "" { // unsigned requests to a private bucket
		return b, nil
	}
	for _, policy := range e.Deployment.Resources("AWS::S3::BucketPolicy") {
		if policy.Properties["Bucket"] != r.Ref() {
			continue
		}
		if err := b.grant(policy, distribution, r); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// grant reads what a bucket's policy allows the distribution.
func (b *bucket) grant(policy, distribution, of template.Resource) error {
	var v struct {
		PolicyDocument struct {
			Statement []struct {
				Effect           string
				Principal        any
				Action, Resource many
				Condition        map[string]map[string]many
			}
		}
	}
	if err := policy.Decode(&v); err != nil {
		return err
	}
	for _, s := range v.PolicyDocument.Statement {
		principal, _ := s.Principal.(map[string]any)
		if s.Effect != "Allow" || principal["Service"] != "cloudfront.amazonaws.com" {
			continue
		}
		source := s.Condition["StringEquals"]["AWS:SourceArn"]
		if source == nil {
			source = s.Condition["StringEquals"]["aws:SourceArn"]
		}
		if len(s.Condition) > 0 && !slices.Contains(source, distribution.ARN()) {
			continue
		}
		b.get = b.get || slices.Contains(s.Action, "s3:GetObject") && slices.Contains(s.Resource, of.ARN()+"/*")
		b.list = b.list || slices.Contains(s.Action, "s3:ListBucket") && slices.Contains(s.Resource, of.ARN())
	}
	return nil
}

// many is a string or a list of them.
type many []string

// UnmarshalJSON takes both forms.
func (m *many) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*m = many{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(m))
}

func (b *bucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Server", "AmazonS3")
	h.Set("X-Amz-Request-Id", "REHEARSAL")
	key, err := url.PathUnescape(strings.TrimPrefix(r.URL.EscapedPath(), "/"))
	object, ok := b.objects[key]
	switch {
	case err != nil:
		failS3(w, r, http.StatusBadRequest, "InvalidURI")
	case !b.get || r.Method != http.MethodGet && r.Method != http.MethodHead, !ok && !b.list:
		// Without s3:ListBucket S3 does not tell what is missing from what is
		// forbidden.
		failS3(w, r, http.StatusForbidden, "AccessDenied")
	case !ok:
		failS3(w, r, http.StatusNotFound, "NoSuchKey")
	default:
		sum := md5.Sum(object.Body)
		h.Set("Etag", `"`+hex.EncodeToString(sum[:])+`"`)
		h.Set("Content-Type", object.ContentType)
		h.Set("Cache-Control", object.CacheControl)
		http.ServeContent(w, r, "", b.since, bytes.NewReader(object.Body))
	}
}

func failS3(w http.ResponseWriter, r *http.Request, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return
	}
	type failure struct {
		XMLName xml.Name `xml:"Error"`
		Code    string
	}
	body, err := xml.Marshal(failure{Code: code})
	if err == nil {
		_, _ = w.Write(append([]byte(xml.Header), body...)) // the reader has gone if this fails
	}
}
