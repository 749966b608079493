/* Makes calls of the C library on files fail, for tests of areal: a library for LD_PRELOAD.

   AREAL_FAULT=CALL:ERRNO:NTH:HOW   CALL is one of the functions below; ERRNO a number, 0 for a short read or write;
                                    the NTH call fails, and with HOW = on all after it, with HOW = once none after it;
                                    with HOW = every one call fails after each NTH that do not. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static char call[32];
static int code = 0, lasting = 0, repeated = 0;
static long nth = -1;
static atomic_long calls;

__attribute__((constructor)) static void read_settings(void) {
    const char *text = getenv("AREAL_FAULT");
    char how[8] = "";
    if (text != NULL && sscanf(text, "%31[^:]:%d:%ld:%7s", call, &code, &nth, how) == 4)
        lasting = strcmp(how, "on") == 0, repeated = strcmp(how, "every") == 0;
}

/* True for a call that is to fail. */
static int fails(const char *name) {
    if (nth < 0 || strcmp(name, call) != 0) return 0;
    long n = atomic_fetch_add(&calls, 1) + 1;
    if (repeated) return n % (nth + 1) == 0;
    return lasting ? n >= nth : n == nth;
}

/* True for a file on disk, and not a pipe or a terminal. */
static int on_disk(int file) {
    struct stat status;
    int before = errno, found = fstat(file, &status) == 0 && S_ISREG(status.st_mode);
    errno = before;
    return found;
}

#define NEXT(type, name, ...) \
    static type (*next)(__VA_ARGS__) = NULL; \
    if (next == NULL) next = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name);

#define FAIL(value) do { errno = code; return value; } while (0)

ssize_t write(int file, const void *bytes, size_t n) {
    NEXT(ssize_t, "write", int, const void *, size_t)
    if (n > 1 && on_disk(file) && fails("write")) {
        if (code == 0) return next(file, bytes, n / 2);
        FAIL(-1);
    }
    return next(file, bytes, n);
}

ssize_t pwrite64(int file, const void *bytes, size_t n, off64_t at) {
    NEXT(ssize_t, "pwrite64", int, const void *, size_t, off64_t)
    if (n > 1 && on_disk(file) && fails("write")) {
        if (code == 0) return next(file, bytes, n / 2, at);
        FAIL(-1);
    }
    return next(file, bytes, n, at);
}

size_t fwrite(const void *bytes, size_t size, size_t n, FILE *file) {
    NEXT(size_t, "fwrite", const void *, size_t, size_t, FILE *)
    if (code != 0 && code != EINTR && on_disk(fileno(file)) && fails("write")) FAIL(0);
    return next(bytes, size, n, file);
}

ssize_t read(int file, void *bytes, size_t n) {
    NEXT(ssize_t, "read", int, void *, size_t)
    if (n > 1 && on_disk(file) && fails("read")) {
        if (code == 0) return next(file, bytes, n / 2);
        FAIL(-1);
    }
    return next(file, bytes, n);
}

ssize_t pread64(int file, void *bytes, size_t n, off64_t at) {
    NEXT(ssize_t, "pread64", int, void *, size_t, off64_t)
    if (n > 1 && on_disk(file) && fails("read")) {
        if (code == 0) return next(file, bytes, n / 2, at);
        FAIL(-1);
    }
    return next(file, bytes, n, at);
}

int fsync(int file) {
    NEXT(int, "fsync", int)
    if (fails("fsync")) FAIL(-1);
    return next(file);
}

int rename(const char *from, const char *to) {
    NEXT(int, "rename", const char *, const char *)
    if (fails("rename")) FAIL(-1);
    return next(from, to);
}

int renameat2(int a, const char *from, int b, const char *to, unsigned int flags) {
    NEXT(int, "renameat2", int, const char *, int, const char *, unsigned int)
    if (fails("renameat2")) FAIL(-1);
    return next(a, from, b, to, flags);
}

int linkat(int a, const char *from, int b, const char *to, int flags) {
    NEXT(int, "linkat", int, const char *, int, const char *, int)
    if (fails("link")) FAIL(-1);
    return next(a, from, b, to, flags);
}

int unlink(const char *path) {
    NEXT(int, "unlink", const char *)
    if (fails("unlink")) FAIL(-1);
    return next(path);
}

int mkdir(const char *path, mode_t mode) {
    NEXT(int, "mkdir", const char *, mode_t)
    if (fails("mkdir")) FAIL(-1);
    return next(path, mode);
}

int open64(const char *path, int flags, ...) {
    NEXT(int, "open64", const char *, int, ...)
    va_list more;
    va_start(more, flags);
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(more, mode_t) : 0;
    va_end(more);
    if ((flags & O_CREAT) && fails("create")) FAIL(-1);
    return next(path, flags, mode);
}
