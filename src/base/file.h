/* Files. Any thread; blocking. Functions return 0 or -errno. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/assert.h"
#include "base/buffer.h"

/* Appends the whole file to `out`; -EFBIG past out's maximum. */
int file_read(const char *path, struct buffer *out) MUST_CHECK;
/* The same of a regular file alone: a pipe or a device, which could make the caller wait for
 * whoever is at the other end, is -EINVAL (a folder -EISDIR). */
int file_read_regular(const char *path, struct buffer *out) MUST_CHECK;
/* Replaces `path` atomically: temporary file beside it, write, fsync, rename, fsync of the folder.
 * An existing file's mode is kept, a new one gets `mode`. */
int file_write_atomic(const char *path, const void *data, size_t size, unsigned mode) MUST_CHECK;
int file_sync_folder_of(const char *path) MUST_CHECK;
/* write(2) until all is written. */
int file_write_all(int fd, const void *data, size_t size) MUST_CHECK;

#endif
