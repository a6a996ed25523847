package dynamolocal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
)

// Env names the folder of the emulator's files where it is not to be looked for.
const Env = "DYNAMODB_LOCAL"

// Version is the one that scripts/dynamodb-local fetches.
const Version = "2.6.1"

// patience is how long a start may take on a machine that is busy.
const patience = time.Minute

// Region is the one that clients of the emulator are set to. It keeps one set
// of tables, whatever region and credentials a request names.
const Region = "us-east-1"

// Server is a running emulator.
type Server struct {
	// Endpoint is its address, "http://127.0.0.1:port". It answers for DynamoDB
	// and for its streams.
	Endpoint string

	kill   func() error
	exited chan struct{}
	said   *tail
}

// Start starts an emulator on a free port and waits until it answers. Another
// process may take the port in between, so it tries a few.
func Start(ctx context.Context) (*Server, error) {
	dir, err := find()
	if err != nil {
		return nil, err
	}
	var last error
	for range 3 {
		s, err := start(ctx, dir)
		if err == nil {
			return s, nil
		}
		if last = err; ctx.Err() != nil {
			break
		}
	}
	return nil, fmt.Errorf("start DynamoDB Local: %w", last)
}

// find returns the folder that holds the emulator.
func find() (string, error) {
	if dir := os.Getenv(Env); dir != "" {
		return dir, check(dir)
	}
	at, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(at, "go.work")); err == nil {
			dir := filepath.Join(at, ".cache", "dynamodb-local", Version)
			return dir, check(dir)
		}
		up := filepath.Dir(at)
		if up == at {
			return "", fmt.Errorf("find DynamoDB Local: no go.work above the working directory; set %s to its folder", Env)
		}
		at = up
	}
}

func check(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, "DynamoDBLocal-"+Version+".jar")); err != nil {
		return fmt.Errorf("find DynamoDB Local: it is not in %s: run scripts/dynamodb-local", dir)
	}
	return nil
}

// watch ends the process it is given when its own standard input ends. That
// happens in whatever way we come to our end, so no emulator outlives the tests
// that were killed.
const watch = `read -r _; kill -9 "$1"`

func start(ctx context.Context, dir string) (*Server, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	java := exec.Command("java", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
		"-Djava.library.path="+dir, "-cp", filepath.Join(dir, "*"), "com.amazonaws.services.dynamodbv2.local.main.ServerRunner",
		"-inMemory", "-sharedDb", "-disableTelemetry", "-port", strconv.Itoa(port))
	java.Dir = dir
	s := &Server{Endpoint: "http://127.0.0.1:" + strconv.Itoa(port), exited: make(chan struct{}), said: new(tail)}
	java.Stdout, java.Stderr = s.said, s.said
	if err := java.Start(); err != nil {
		return nil, fmt.Errorf("run java: %w", err)
	}
	watcher := exec.Command("sh", "-c", watch, "sh", strconv.Itoa(java.Process.Pid))
	if _, err = watcher.StdinPipe(); err == nil {
		err = watcher.Start()
	}
	s.kill = java.Process.Kill
	go func() {
		_ = java.Wait()
		if watcher.Process != nil { // first of all: the number it knows may soon be another's
			_ = watcher.Process.Kill()
			_ = watcher.Wait()
		}
		close(s.exited)
	}()
	if err == nil {
		err = s.await(ctx)
	}
	if err != nil {
		s.Close()
		return nil, fmt.Errorf("%w\n%s", err, s.said)
	}
	return s, nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// await returns when the emulator answers.
func (s *Server) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	client := s.DynamoDB(func(o *dynamodb.Options) { o.Retryer = aws.NopRetryer{} })
	for {
		_, err := client.ListTables(ctx, &dynamodb.ListTablesInput{})
		if err == nil {
			return nil
		}
		select {
		case <-s.exited:
			return errors.New("it ended at once")
		case <-ctx.Done():
			return fmt.Errorf("it does not answer: %w", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Close ends the emulator and waits for it. It may be called again.
func (s *Server) Close() {
	_ = s.kill()
	<-s.exited
}

// DynamoDB returns a client of the emulator.
func (s *Server) DynamoDB(set ...func(*dynamodb.Options)) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{Region: Region, BaseEndpoint: aws.String(s.Endpoint), Credentials: Credentials()}, set...)
}

// Streams returns a client of the emulator's streams.
func (s *Server) Streams() *dynamodbstreams.Client {
	return dynamodbstreams.New(dynamodbstreams.Options{Region: Region, BaseEndpoint: aws.String(s.Endpoint), Credentials: Credentials()})
}

// Credentials returns some that the emulator takes: it takes any of letters and
// digits.
func Credentials() aws.CredentialsProvider {
	return credentials.NewStaticCredentialsProvider("local", "local", "")
}

// tail keeps the end of what the emulator says, for the message when it fails.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if extra := len(t.buf) - 8<<10; extra > 0 {
		t.buf = t.buf[extra:]
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.buf))
}
