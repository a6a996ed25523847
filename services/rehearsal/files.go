package rehearsal

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"wikibot.io/services/rehearsal/iam"
	"wikibot.io/services/rehearsal/slowfiles"
)

// mount makes the folders that stand for the function's file systems, by the
// paths at which it expects them.
func (r *Rehearsal) mount(f *Function, d declaredFunction, policy iam.Policy) (map[string]string, error) {
	mounts := map[string]string{}
	f.MayWrite = len(d.FileSystemConfigs) > 0
	for _, m := range d.FileSystemConfigs {
		point, ok := r.deployment.Find(m.Arn)
		if !ok || point.Type != "AWS::EFS::AccessPoint" {
			return nil, fmt.Errorf("mounts %s, which is no access point", m.Arn)
		}
		var p struct {
			FileSystemID  string `json:"FileSystemId"`
			RootDirectory struct{ Path string }
		}
		if err := point.Decode(&p); err != nil {
			return nil, err
		}
		system, ok := r.deployment.Find(p.FileSystemID)
		if !ok {
			return nil, fmt.Errorf("mounts %s of a file system that is not there", point.Path())
		}
		may := func(action string) bool {
			return policy.Decide(iam.Request{Action: "elasticfilesystem:" + action, Resource: system.ARN(), Keys: map[string][]string{
				"elasticfilesystem:AccessPointArn": {point.ARN()}, "aws:SecureTransport": {"true"},
			}}) == nil
		}
		if !may("ClientMount") {
			return nil, fmt.Errorf("mounts %s, but its role may not", point.Path())
		}
		if !may("ClientWrite") {
			f.MayWrite = false
		}
		folder := filepath.Join(r.data, "files", system.Name(), filepath.FromSlash(p.RootDirectory.Path))
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return nil, fmt.Errorf("make the folder of %s: %w", point.Path(), err)
		}
		mounts[m.LocalMountPath] = folder
	}
	return mounts, nil
}

// supervise puts a function's command behind what makes its files slow, or
// read-only if its role may not write.
func (r *Rehearsal) supervise(ctx context.Context, f *Function, command []string, mounts map[string]string) ([]string, error) {
	readOnly := len(mounts) > 0 && !f.MayWrite
	if readOnly && !slowfiles.Supported {
		readOnly = false
		r.note("%s may not write to its file system, and NOTHING HINDERS IT HERE: that takes Linux", f.resource.Path())
		r.log.Warn("a function that may not write to its file system is not hindered: that takes Linux", "function", f.Service)
	}
	if len(mounts) == 0 || !readOnly && r.opts.FileDelay == 0 && !r.opts.CountFiles {
		return command, nil
	}
	launcher, err := r.opts.Binaries.launcher(ctx)
	if err != nil {
		return nil, err
	}
	f.files, err = slowfiles.New(slowfiles.Options{
		Folders: slices.Sorted(maps.Values(mounts)), Delay: r.opts.FileDelay, ReadOnly: readOnly, Seed: r.opts.Seed, Launcher: launcher,
	})
	if err != nil {
		return nil, err
	}
	return f.files.Command(command), nil
}

// FileOperations returns how many operations on its file system there were, by
// kind; nil if they are not counted, which those of a function that may not write
// always are.
func (f *Function) FileOperations() map[string]int64 {
	if f.files == nil {
		return nil
	}
	return f.files.Counts()
}
