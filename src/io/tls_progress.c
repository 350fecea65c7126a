/* See tls_progress.h. Where a thread reports to is its own, since the readers are called from far
 * above, by threads that nobody watches too. */
#include "io/tls_progress.h"

#include "base/clock.h"
#include "base/text.h"
#include <stddef.h>
#include <string.h>

static __thread struct tls_progress *current;

void tls_progress_init(struct tls_progress *progress)
{
    memset(progress, 0, sizeof(*progress));
    pthread_mutex_init(&progress->lock, NULL);
}

void tls_progress_deinit(struct tls_progress *progress)
{
    pthread_mutex_destroy(&progress->lock);
}

void tls_progress_report_to(struct tls_progress *progress)
{
    current = progress;
}

void tls_progress_note(const char *path)
{
    if (!current)
        return;
    size_t size = path ? strlen(path) : 0;
    if (size >= TLS_PROGRESS_PATH_SIZE)
        path += size - (TLS_PROGRESS_PATH_SIZE - 1);
    pthread_mutex_lock(&current->lock);
    current->since_us = path ? clock_read_us() : 0;
    text_copy(current->path, sizeof(current->path), path ? path : "");
    pthread_mutex_unlock(&current->lock);
}

int64_t tls_progress_read(struct tls_progress *progress, char path[TLS_PROGRESS_PATH_SIZE])
{
    pthread_mutex_lock(&progress->lock);
    int64_t since_us = progress->since_us;
    text_copy(path, TLS_PROGRESS_PATH_SIZE, progress->path);
    pthread_mutex_unlock(&progress->lock);
    return since_us ? (clock_read_us() - since_us) / 1000 : -1;
}
