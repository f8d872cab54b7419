package disktest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// mountVariable tells the process that runs in a mount namespace of its own where to mount the disk.
const mountVariable = "DEBUT_TEST_MOUNT"

// Run runs a test, which must not be a subtest, with an empty disk of so many MiB: a tmpfs, mounted on the folder that
// the test gets. It starts the test binary again in a mount namespace, so that nobody else sees the mount, and it is gone
// with the process whatever happens; the test may mount more. What the caller does before and after Run is done in both
// processes. The test is skipped where this user may not mount.
func Run(t *testing.T, mib int, test func(t *testing.T, disk string)) {
	t.Helper()
	if dir := os.Getenv(mountVariable); dir != "" {
		if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dm", mib)); err != nil {
			t.Skipf("this user may not mount: %v", err)
		}
		test(t, dir)
		return
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), mountVariable+"="+t.TempDir())
	cmd.SysProcAttr = namespace()
	out, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Skipf("no mount namespace can be made: %v", err)
	}
	switch text := string(out); {
	case err != nil:
		t.Fatalf("%v:\n%s", err, text)
	case strings.Contains(text, "--- SKIP"):
		t.Skip(text)
	case !strings.Contains(text, "--- PASS"):
		t.Fatalf("the test did not run:\n%s", text)
	default:
		t.Log(text)
	}
}

// namespace asks for a mount namespace; for users who may not make one, within a user namespace where they may.
func namespace() *syscall.SysProcAttr {
	if os.Geteuid() == 0 {
		return &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	}
	return &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWNS | syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
}
