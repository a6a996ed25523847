// Package slowfiles makes the files below given folders as slow as files on a
// network are, to a process that knows nothing of it, fails operations on them at
// random, and refuses all that would change them if they may only be read. A
// rehearsal puts functions behind it to see how they fare on EFS.
//
// It owns the delay, the failures, the refusals and the count of operations. It
// never changes what an operation does, touches no other files, and needs neither
// privileges nor a mount.
//
// # Life of an operation
//
// [Supervisor.Command] puts a launcher before a command line. The launcher
// installs a seccomp filter that reports file system calls instead of running
// them (SECCOMP_RET_USER_NOTIF, seccomp_unotify(2)), hands the receiving end to
// the supervisor over a socket, and becomes the command. From then on each such
// call of the command and of its children waits until the supervisor has looked
// up which file it means. A call on another file continues at once. A call on a
// slow file that costs a round trip waits for the delay in a goroutine of its
// own, so that calls of several threads overlap as they would on a network; then
// it continues, or fails.
//
// # What costs a round trip
//
// The model leans to the slow side of an NFS 4.1 client with close-to-open
// consistency, without delegations, and without its caches of names and
// attributes. Each of these waits for one delay, and is counted under its kind:
//
//	open       open a file or folder
//	create     open with O_CREAT, whether or not the file exists
//	stat       stat, access, statfs, chdir, readlink by path
//	list       each getdents
//	read       each read that needs a block of 128 KiB which this command has not
//	           read since the file last changed
//	write      each write
//	sync       fsync, fdatasync, sync_file_range, syncfs
//	rename     rename
//	remove     unlink, rmdir
//	mkdir      mkdir, mknod
//	link       link, symlink
//	setattr    chmod, chown, utimes, truncate, fallocate
//	lock       flock and record locks
//	map        mmap of a file
//	refused    in a folder that may only be read: create, write, rename, remove,
//	           mkdir, link, setattr, and open for writing or with O_TRUNC. They
//	           fail with EROFS after their delay, and count as nothing else
//
// Free are: fstat, seek, close (writes are charged when they happen), and reads
// of what the command's page cache would hold. Bandwidth is not modelled: one
// read of 100 MB is one delay.
//
// # Limits
//
// Linux on amd64 and arm64 alone. The supervisor reads the command's memory, so
// the command must run as the same user and, where Yama restricts ptrace, below
// the supervisor's process. io_uring, which would pass by the filter, is refused
// as on a kernel without it. access(2) answers by the folder's own mode even if
// the folder may only be read. All this is there to see how a program fares, not
// to hold one that wants to get out.
package slowfiles
