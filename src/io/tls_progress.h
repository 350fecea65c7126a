/* Which file a thread that prepares TLS contexts is reading, and since when, so that another can
 * tell when a file system hangs. A mutex guards it. Also in
 * builds without TLS. */
#ifndef IO_TLS_PROGRESS_H
#define IO_TLS_PROGRESS_H

#include <pthread.h>
#include <stdint.h>

enum { TLS_PROGRESS_PATH_SIZE = 160 };

struct tls_progress {
    pthread_mutex_t lock;
    int64_t since_us; /* 0: nothing is being read */
    char path[TLS_PROGRESS_PATH_SIZE];
};

void tls_progress_init(struct tls_progress *progress);
void tls_progress_deinit(struct tls_progress *progress);
/* What the calling thread reads from now on is noted there; NULL: nowhere. */
void tls_progress_report_to(struct tls_progress *progress);
/* The calling thread is about to read this file or folder; NULL: it has been read. */
void tls_progress_note(const char *path);
/* For how many milliseconds something has been read, and what; -1 and "" when nothing is. Of a long
 * path the end is kept. Any thread. */
int64_t tls_progress_read(struct tls_progress *progress, char path[TLS_PROGRESS_PATH_SIZE]);

#endif
