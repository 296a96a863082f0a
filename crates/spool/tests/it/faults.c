/* Makes the disk fail on demand, for the files of a spool. What $SPOOL_FAULT says is what fails:
 *   "fsync"  every fsync                      "full"  every write, for want of space
 *   "tight"  every write, for want of space, while the reserve is there
 *   "hang"   no fsync ends
 *   "dead"   every fsync, and every write of the mark
 *   "die"    every fsync, and at the next write of the mark the process is killed
 * Each fsync is counted in $SPOOL_FSYNCS. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static ssize_t (*real_write)(int, const void *, size_t);

static int is_named(int fd, const char *name) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n < 0) return 0;
    path[n] = 0;
    return strstr(path, name) != NULL;
}

static int is_spool(int fd) { return is_named(fd, "spool.sqlite"); }

static int fault(const char *what) {
    const char *file = getenv("SPOOL_FAULT");
    char text[16] = {0};
    if (!file) return 0;
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    return n > 0 && strcmp(text, what) == 0;
}

static int no_space(int fd) {
    if (!is_spool(fd)) return 0;
    if (fault("full")) return 1;
    return fault("tight") && access(getenv("SPOOL_RESERVE"), F_OK) == 0;
}

static int is_dead(int fd) {
    if (!is_named(fd, "spool.mark")) return 0;
    if (fault("die")) kill(getpid(), SIGKILL);
    return fault("dead");
}

static int sync_or_fail(const char *name, int fd) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    if (!is_spool(fd)) return real(fd);
    if (!real_write) real_write = (ssize_t (*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    int log = open(getenv("SPOOL_FSYNCS"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log >= 0) { if (real_write(log, "S", 1) < 0) abort(); close(log); }
    if (fault("fsync") || fault("dead") || fault("die")) { errno = EIO; return -1; }
    while (fault("hang")) usleep(1000);
    return real(fd);
}

int fsync(int fd) { return sync_or_fail("fsync", fd); }
int fdatasync(int fd) { return sync_or_fail("fdatasync", fd); }

#define WRITES(name, arguments, call)                                          \
    ssize_t name arguments {                                                   \
        static ssize_t (*real) arguments;                                      \
        if (!real) real = (ssize_t (*) arguments)dlsym(RTLD_NEXT, #name);      \
        if (no_space(fd)) { errno = ENOSPC; return -1; }                       \
        if (is_dead(fd)) { errno = EIO; return -1; }                           \
        return real call;                                                      \
    }
WRITES(write, (int fd, const void *b, size_t n), (fd, b, n))
WRITES(pwrite, (int fd, const void *b, size_t n, off_t o), (fd, b, n, o))
WRITES(pwrite64, (int fd, const void *b, size_t n, off_t o), (fd, b, n, o))
