/* Writes down all that is done to the files below $SPOOL_PATH, in its order, into $SPOOL_EVENTS, so that a test can lay out what a disk
 * may hold after a power cut. An event is: what (1 byte), inode, offset, length (8 bytes each), then as many bytes as the length says.
 * While there is a file $SPOOL_FAULT, no fsync of the log succeeds; while something is in it, no write of the mark does.
 *   W bytes written    T cut to the offset    S the file is on the disk (fsync)    F it failed    D the names in the directory are on the disk
 *   N a new name       U the name is gone     R renamed: the old name, a zero byte, the new one
 *   M what the test itself says, by writing to a file whose name ends in ".said" */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static pthread_mutex_t in_order = PTHREAD_MUTEX_INITIALIZER;
#define REAL(type, name, ...) ((type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name))

/* The name below the directory; "" for the directory itself; NULL for what is elsewhere. */
static const char *below(const char *path) {
    const char *spool = getenv("SPOOL_PATH");
    size_t length = spool ? strlen(spool) : 0;
    if (!length || strncmp(path, spool, length)) return NULL;
    if (!path[length]) return path + length;
    return path[length] == '/' ? path + length + 1 : NULL;
}

static const char *name_of(int fd, char path[4096]) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, 4095);
    if (n < 0) return NULL;
    path[n] = 0;
    return below(path);
}

static int ends(const char *name, const char *with) {
    size_t a = strlen(name), b = strlen(with);
    return a >= b && !strcmp(name + a - b, with);
}

static uint64_t inode(int fd) {
    struct stat at;
    return fstat(fd, &at) ? 0 : at.st_ino;
}

static void event(char what, uint64_t node, uint64_t offset, const void *bytes, uint64_t length) {
    static int log = -1;
    char head[25] = {what};
    memcpy(head + 1, &node, 8), memcpy(head + 9, &offset, 8), memcpy(head + 17, &length, 8);
    struct iovec parts[2] = {{head, sizeof head}, {(void *)bytes, length}};
    pthread_mutex_lock(&in_order);
    if (log < 0) log = REAL(int, "open64", const char *, int, ...)(getenv("SPOOL_EVENTS"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (writev(log, parts, 2) != (ssize_t)(sizeof head + length)) abort();
    pthread_mutex_unlock(&in_order);
}

static int open_and_tell(const char *function, const char *path, int flags, mode_t mode) {
    const char *name = below(path);
    int is_new = name && *name && (flags & O_CREAT) && access(path, F_OK);
    int fd = REAL(int, function, const char *, int, ...)(path, flags, mode);
    if (fd >= 0 && is_new) event('N', inode(fd), 0, name, strlen(name));
    if (fd >= 0 && name && (flags & O_TRUNC) && !is_new) event('T', inode(fd), 0, "", 0);
    return fd;
}

#define OPEN(function)                                          \
    int function(const char *path, int flags, ...) {            \
        va_list rest;                                           \
        va_start(rest, flags);                                  \
        mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0; \
        va_end(rest);                                           \
        return open_and_tell(#function, path, flags, mode);     \
    }
OPEN(open)
OPEN(open64)

int unlink(const char *path) {
    const char *name = below(path);
    int result = REAL(int, "unlink", const char *)(path);
    if (!result && name) event('U', 0, 0, name, strlen(name));
    return result;
}

int rename(const char *from, const char *to) {
    const char *old = below(from), *new = below(to);
    char both[8192];
    int result = REAL(int, "rename", const char *, const char *)(from, to);
    if (!result && old && new) event('R', 0, 0, both, snprintf(both, sizeof both, "%s%c%s", old, 0, new));
    return result;
}

static void wrote(int fd, const void *bytes, ssize_t length, off_t offset) {
    char path[4096];
    const char *name = length > 0 ? name_of(fd, path) : NULL;
    if (name) event(ends(name, ".said") ? 'M' : 'W', inode(fd), offset, bytes, length);
}

ssize_t write(int fd, const void *bytes, size_t length) {
    off_t offset = lseek(fd, 0, SEEK_CUR);
    ssize_t result = REAL(ssize_t, "write", int, const void *, size_t)(fd, bytes, length);
    wrote(fd, bytes, result, offset);
    return result;
}

static int is_refused(int fd) {
    char path[4096];
    struct stat fault;
    const char *name = name_of(fd, path), *file = getenv("SPOOL_FAULT");
    return name && ends(name, ".mark") && file && !stat(file, &fault) && fault.st_size;
}

#define PWRITE(function)                                                                             \
    ssize_t function(int fd, const void *bytes, size_t length, off_t offset) {                       \
        if (is_refused(fd)) { errno = EIO; return -1; }                                              \
        ssize_t result = REAL(ssize_t, #function, int, const void *, size_t, off_t)(fd, bytes, length, offset); \
        wrote(fd, bytes, result, offset);                                                            \
        return result;                                                                               \
    }
PWRITE(pwrite)
PWRITE(pwrite64)

#define CUT(function)                                                                                \
    int function(int fd, off_t length) {                                                             \
        char path[4096];                                                                             \
        int result = REAL(int, #function, int, off_t)(fd, length);                                   \
        if (!result && name_of(fd, path)) event('T', inode(fd), length, "", 0);                      \
        return result;                                                                               \
    }
CUT(ftruncate)
CUT(ftruncate64)

#define SYNC(function)                                                                               \
    int function(int fd) {                                                                           \
        char path[4096];                                                                             \
        const char *name = name_of(fd, path), *fault = getenv("SPOOL_FAULT");                        \
        if (name && ends(name, "-wal") && fault && !access(fault, F_OK)) {                           \
            event('F', inode(fd), 0, "", 0);                                                         \
            errno = EIO;                                                                             \
            return -1;                                                                               \
        }                                                                                            \
        int result = REAL(int, #function, int)(fd);                                                  \
        if (result) return result;                                                                   \
        if (name) event(*name ? 'S' : 'D', inode(fd), 0, "", 0);                                     \
        return result;                                                                               \
    }
SYNC(fsync)
SYNC(fdatasync)
