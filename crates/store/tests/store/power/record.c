/* Records what a process does to the files below a directory, in the order in which it happens.
 *
 * Preloaded into a process whose environment names the directory (POWER_ROOT), the file that gets the
 * record (POWER_RECORD) and a file whose writes are notes of the process (POWER_NOTES). Each event is a
 * line, for writes with the bytes behind it:
 *
 *   C file path      a file comes into being        M path          a directory does
 *   W file at bytes  bytes are written              T file bytes    it gets this length
 *   S file           the file is synced             D path          the directory is synced
 *   R path path      a name changes                 U path          a name goes
 *   N bytes          the process notes something
 *
 * One lock is held around each call and its line, so that lines are in the order of the calls. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define FDS 65536
#define NAMES 65536
enum kind { NONE, FILE_, DIRECTORY, NOTES };

static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static const char *root, *notes;
static int record = -1, last_file;
static struct { enum kind kind; int file; char *path; } fds[FDS];
static struct { char *path; int file; } names[NAMES];

#define REAL(type, name, ...) ((type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name))

static void put(const void *bytes, size_t length) {
    const char *from = bytes;
    while (length > 0) {
        ssize_t done = REAL(ssize_t, write, int, const void *, size_t)(record, from, length);
        if (done <= 0) abort();
        from += done;
        length -= done;
    }
}

static void say(const char *format, ...) {
    char line[9000];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    put(line, length);
}

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("POWER_RECORD");
    root = getenv("POWER_ROOT");
    notes = getenv("POWER_NOTES");
    if (!path || !root || !notes) { root = NULL; return; }
    record = REAL(int, open64, const char *, int, ...)(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (record < 0) abort();
}

/* The path below the root in whole; NULL for any other. */
static const char *place(int directory, const char *path, char *buffer) {
    if (!root || !path) return NULL;
    if (path[0] != '/') {
        char link[64];
        if (directory == AT_FDCWD) snprintf(link, sizeof link, "/proc/self/cwd");
        else snprintf(link, sizeof link, "/proc/self/fd/%d", directory);
        ssize_t length = readlink(link, buffer, 4000);
        if (length < 0) return NULL;
        snprintf(buffer + length, 4000, "/%s", path);
        path = buffer;
    }
    size_t length = strlen(root);
    return strncmp(path, root, length) == 0 && (path[length] == '/' || !path[length]) ? path : NULL;
}

static int find(const char *path) {
    for (int at = 0; at < NAMES && names[at].path; at++)
        if (!strcmp(names[at].path, path)) return at;
    return -1;
}

static void set_name(const char *path, int file) {
    int at = find(path);
    if (at < 0) {
        for (at = 0; names[at].path && names[at].file; at++);
        free(names[at].path);
        names[at].path = strdup(path);
    }
    names[at].file = file;
}

static int name(const char *path) {
    int at = find(path);
    return at < 0 ? 0 : names[at].file;
}

static int opened(int fd, const char *path, int flags) {
    if (fd < 0 || fd >= FDS) return fd;
    fds[fd].kind = NONE;
    if (!path) return fd;
    struct stat status;
    if (fstat(fd, &status)) return fd;
    free(fds[fd].path);
    fds[fd].path = strdup(path);
    if (S_ISDIR(status.st_mode)) { fds[fd].kind = DIRECTORY; return fd; }
    int file = name(path);
    if (!file) {
        file = ++last_file;
        set_name(path, file);
        say("C %d %s\n", file, path);
    } else if (flags & O_TRUNC) say("T %d 0\n", file);
    fds[fd].kind = FILE_;
    fds[fd].file = file;
    return fd;
}

static int is_note(const char *path) { return root && notes && path && !strcmp(path, notes); }

static int open_any(int directory, const char *path, int flags, mode_t mode) {
    char buffer[8100];
    pthread_mutex_lock(&lock);
    int fd = REAL(int, openat64, int, const char *, int, ...)(directory, path, flags, mode);
    int error = errno;
    if (fd >= 0 && is_note(path)) fds[fd].kind = NOTES;
    else opened(fd, place(directory, path, buffer), flags);
    pthread_mutex_unlock(&lock);
    errno = error;
    return fd;
}

#define MODE mode_t mode = 0; if (flags & (O_CREAT | O_TMPFILE)) { \
    va_list rest; va_start(rest, flags); mode = va_arg(rest, int); va_end(rest); }
int open(const char *path, int flags, ...) { MODE return open_any(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE return open_any(AT_FDCWD, path, flags, mode); }
int openat(int directory, const char *path, int flags, ...) { MODE return open_any(directory, path, flags, mode); }
int openat64(int directory, const char *path, int flags, ...) { MODE return open_any(directory, path, flags, mode); }

int close(int fd) {
    pthread_mutex_lock(&lock);
    if (fd >= 0 && fd < FDS) fds[fd].kind = NONE;
    int result = REAL(int, close, int)(fd);
    pthread_mutex_unlock(&lock);
    return result;
}

static int control(int fd, int command, void *argument) {
    pthread_mutex_lock(&lock);
    int result = REAL(int, fcntl64, int, int, ...)(fd, command, argument);
    if ((command == F_DUPFD || command == F_DUPFD_CLOEXEC) && result >= 0 && fd < FDS && result < FDS) {
        fds[result].kind = fds[fd].kind;
        fds[result].file = fds[fd].file;
        free(fds[result].path);
        fds[result].path = fds[fd].path ? strdup(fds[fd].path) : NULL;
    }
    pthread_mutex_unlock(&lock);
    return result;
}
#define ARGUMENT va_list rest; va_start(rest, command); void *argument = va_arg(rest, void *); va_end(rest);
int fcntl(int fd, int command, ...) { ARGUMENT return control(fd, command, argument); }
int fcntl64(int fd, int command, ...) { ARGUMENT return control(fd, command, argument); }

static enum kind kind(int fd) { return fd >= 0 && fd < FDS ? fds[fd].kind : NONE; }

static void wrote(int fd, off64_t at, const void *bytes, ssize_t length) {
    if (length <= 0) return;
    if (kind(fd) == NOTES) say("N %zd\n", length);
    else say("W %d %lld %zd\n", fds[fd].file, (long long)at, length);
    put(bytes, length);
    put("\n", 1);
}

static off64_t position(int fd) {
    int is_appending = REAL(int, fcntl64, int, int, ...)(fd, F_GETFL) & O_APPEND;
    return lseek64(fd, 0, is_appending ? SEEK_END : SEEK_CUR);
}

ssize_t write(int fd, const void *bytes, size_t length) {
    if (kind(fd) != FILE_ && kind(fd) != NOTES)
        return REAL(ssize_t, write, int, const void *, size_t)(fd, bytes, length);
    pthread_mutex_lock(&lock);
    off64_t at = position(fd);
    ssize_t done = REAL(ssize_t, write, int, const void *, size_t)(fd, bytes, length);
    wrote(fd, at, bytes, done);
    pthread_mutex_unlock(&lock);
    return done;
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    if (kind(fd) != FILE_ && kind(fd) != NOTES)
        return REAL(ssize_t, writev, int, const struct iovec *, int)(fd, parts, count);
    ssize_t all = 0;
    pthread_mutex_lock(&lock);
    for (int at = 0; at < count; at++) {
        if (!parts[at].iov_len) continue;
        ssize_t done = write(fd, parts[at].iov_base, parts[at].iov_len);
        if (done < 0 && !all) all = done;
        if (done > 0) all += done;
        if (done < (ssize_t)parts[at].iov_len) break;
    }
    pthread_mutex_unlock(&lock);
    return all;
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) {
    pthread_mutex_lock(&lock);
    ssize_t done = REAL(ssize_t, pwrite64, int, const void *, size_t, off64_t)(fd, bytes, length, at);
    if (kind(fd) == FILE_) wrote(fd, at, bytes, done);
    pthread_mutex_unlock(&lock);
    return done;
}
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) { return pwrite64(fd, bytes, length, at); }

static int synced(int fd, int result) {
    if (!result && kind(fd) == FILE_) say("S %d\n", fds[fd].file);
    if (!result && kind(fd) == DIRECTORY) say("D %s\n", fds[fd].path);
    return result;
}
#define SYNC(name) int name(int fd) { pthread_mutex_lock(&lock); \
    int result = synced(fd, REAL(int, name, int)(fd)); pthread_mutex_unlock(&lock); return result; }
SYNC(fsync)
SYNC(fdatasync)

int ftruncate64(int fd, off64_t length) {
    pthread_mutex_lock(&lock);
    int result = REAL(int, ftruncate64, int, off64_t)(fd, length);
    if (!result && kind(fd) == FILE_) say("T %d %lld\n", fds[fd].file, (long long)length);
    pthread_mutex_unlock(&lock);
    return result;
}
int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

static int renamed(int from_directory, const char *from, int to_directory, const char *to, int result) {
    char one[8100], other[8100];
    const char *old = place(from_directory, from, one), *new = place(to_directory, to, other);
    if (!result && old && new) {
        say("R %s %s\n", old, new);
        /* What is in a directory goes with it. */
        size_t length = strlen(old);
        for (int at = 0; at < NAMES && names[at].path; at++) {
            const char *path = names[at].path;
            if (!names[at].file || strncmp(path, old, length) || (path[length] && path[length] != '/')) continue;
            char moved[8100];
            snprintf(moved, sizeof moved, "%s%s", new, path + length);
            int file = names[at].file;
            names[at].file = 0;
            set_name(moved, file);
        }
    }
    return result;
}
int renameat2(int from_directory, const char *from, int to_directory, const char *to, unsigned int flags) {
    pthread_mutex_lock(&lock);
    int result = REAL(int, renameat2, int, const char *, int, const char *, unsigned int)(
        from_directory, from, to_directory, to, flags);
    result = renamed(from_directory, from, to_directory, to, result);
    pthread_mutex_unlock(&lock);
    return result;
}
int renameat(int from_directory, const char *from, int to_directory, const char *to) {
    return renameat2(from_directory, from, to_directory, to, 0);
}
int rename(const char *from, const char *to) { return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0); }

int unlinkat(int directory, const char *path, int flags) {
    char buffer[8100];
    pthread_mutex_lock(&lock);
    const char *gone = place(directory, path, buffer);
    int result = REAL(int, unlinkat, int, const char *, int)(directory, path, flags);
    if (!result && gone) { say("U %s\n", gone); set_name(gone, 0); }
    pthread_mutex_unlock(&lock);
    return result;
}
int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }

int mkdir(const char *path, mode_t mode) {
    char buffer[8100];
    pthread_mutex_lock(&lock);
    int result = REAL(int, mkdir, const char *, mode_t)(path, mode);
    const char *made = place(AT_FDCWD, path, buffer);
    if (!result && made) say("M %s\n", made);
    pthread_mutex_unlock(&lock);
    return result;
}
