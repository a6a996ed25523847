package gitstore

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"strings"
	"syscall"
)

// randomName distinguishes temporary files of all processes on all hosts.
func randomName() string { return rand.Text() }

// isNotEmpty reports that a folder could not be replaced because it has content.
func isNotEmpty(err error) bool {
	return errors.Is(err, syscall.ENOTEMPTY) || errors.Is(err, syscall.EEXIST)
}

// isGone reports that a file is not there any more: not by its name, or, on a
// network file system, not the one that was opened by that name.
func isGone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESTALE)
}

// checkName refuses names of tree entries that git refuses to check out, or
// that would leave the folder they are in.
func checkName(name string) error {
	switch {
	case name == "":
		return errors.New("is empty")
	case name == "." || name == "..":
		return errors.New("is not a name")
	case strings.ContainsAny(name, "/\x00"):
		return errors.New("contains a slash or NUL")
	case isDotGit(name):
		return errors.New("is a name that some file systems take for .git")
	}
	return nil
}

// isDotGit reports the names that HFS+, NTFS or a case-insensitive file system
// map to ".git", as git's own fsck does (CVE-2014-9390).
func isDotGit(name string) bool {
	// Nearly every name is settled here: this runs for each entry that is read.
	c := name[0]
	if len(name) > 64 || c != '.' && c|0x20 != 'g' && c < 0x80 && strings.IndexByte(name, '\\') < 0 {
		return false
	}
	hfs := strings.ToLower(strings.Map(dropIgnored, name))
	if hfs == ".git" {
		return true
	}
	ntfs, _, _ := strings.Cut(strings.ToLower(name), ":")
	for part := range strings.SplitSeq(ntfs, `\`) {
		part = strings.TrimRight(part, " .")
		if part == ".git" || part == "git~1" {
			return true
		}
	}
	return false
}

// dropIgnored removes the code points that HFS+ ignores in names.
func dropIgnored(r rune) rune {
	switch {
	case r >= 0x200c && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x206a && r <= 0x206f, r == 0xfeff:
		return -1
	}
	return r
}
