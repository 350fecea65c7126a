/* Files: whole reads, atomic replacement, complete writes. Blocking; results are 0 or -errno. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/random.h"

enum { READ_SIZE = 64 * 1024 };

/* Reads what fits into `out` at a time; past its maximum only the end of the file is accepted. */
static int read_all(int fd, struct buffer *out)
{
    for (;;) {
        size_t room = out->size_max - out->size;
        char beyond;
        bool is_full = room == 0;
        size_t wanted = room < READ_SIZE ? room : READ_SIZE;
        char *destination = is_full ? &beyond : buffer_reserve(out, wanted);
        ssize_t got = read(fd, destination, is_full ? 1 : wanted);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            return 0;
        if (is_full)
            return -EFBIG;
        buffer_commit(out, (size_t)got);
    }
}

/* Takes `fd`. */
static int read_whole(int fd, struct buffer *out)
{
    size_t size_before = out->size;
    buffer_reserve(out, 0);
    int result = read_all(fd, out);
    close(fd);
    if (result != 0) {
        out->size = size_before;
        out->data[size_before] = '\0';
    }
    return result;
}

int file_read(const char *path, struct buffer *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -errno : read_whole(fd, out);
}

static int check_regular(int fd)
{
    struct stat facts;
    if (fstat(fd, &facts) != 0)
        return -errno;
    if (S_ISDIR(facts.st_mode))
        return -EISDIR;
    return S_ISREG(facts.st_mode) ? 0 : -EINVAL;
}

int file_read_regular(const char *path, struct buffer *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 && errno == EWOULDBLOCK) /* a lease on a regular file: the kernel bounds the wait */
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return errno == ENXIO ? -EINVAL : -errno; /* a socket */
    int result = check_regular(fd);
    if (result == 0)
        return read_whole(fd, out);
    close(fd);
    return result;
}

int file_write_all(int fd, const void *data, size_t size)
{
    const char *next = data;
    while (size > 0) {
        ssize_t written = write(fd, next, size);
        if (written < 0) {
            if (errno == EINTR)
                continue;
            return -errno;
        }
        next += written;
        size -= (size_t)written;
    }
    return 0;
}

/* Gives the temporary file the mode of the file it replaces, or `mode` whatever the umask is. */
static int copy_mode(int fd, const char *path, unsigned mode)
{
    struct stat facts;
    if (stat(path, &facts) == 0)
        mode = facts.st_mode & 07777;
    return fchmod(fd, mode) == 0 ? 0 : -errno;
}

static int write_temporary(int fd, const char *path, const void *data, size_t size, unsigned mode)
{
    int result = copy_mode(fd, path, mode);
    if (result == 0)
        result = file_write_all(fd, data, size);
    if (result == 0 && fsync(fd) != 0)
        result = -errno;
    return result;
}

int file_write_atomic(const char *path, const void *data, size_t size, unsigned mode)
{
    char temporary[PATH_MAX];
    int length = snprintf(temporary, sizeof temporary, "%s.%d-%016" PRIx64 ".tmp", path,
                          (int)getpid(), random_u64());
    if (length < 0 || (size_t)length >= sizeof temporary)
        return -ENAMETOOLONG;
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int result = fd < 0 ? -errno : write_temporary(fd, path, data, size, mode);
    if (fd >= 0 && close(fd) != 0 && result == 0)
        result = -errno;
    if (result == 0 && rename(temporary, path) != 0)
        result = -errno;
    if (result != 0 && fd >= 0)
        unlink(temporary);
    return result == 0 ? file_sync_folder_of(path) : result;
}

int file_sync_folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? mem_strdup(path) : mem_strdup(".");
    if (slash == path)
        folder[1] = '\0';
    else if (slash)
        folder[slash - path] = '\0';
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    mem_free(folder);
    if (fd < 0)
        return -errno;
    /* Some file systems cannot sync a folder and say EINVAL: nothing to be done there. */
    int result = fsync(fd) == 0 || errno == EINVAL ? 0 : -errno;
    close(fd);
    return result;
}
