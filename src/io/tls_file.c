/* See tls_file.h. What was read is wiped: it may be a key. */
#include "io/tls_file.h"

#include "base/file.h"
#include "base/memory.h"
#include "io/tls_context.h"
#include "io/tls_progress.h"
#include <errno.h>
#include <openssl/err.h>

static void raise_error(int result)
{
    if (result == -EINVAL)
        ERR_raise_data(ERR_LIB_USER, EINVAL, "not a regular file");
    else
        ERR_raise(ERR_LIB_SYS, -result);
}

int tls_file_open(struct tls_file *file, const char *path, bool takes_pipe)
{
    file->bio = NULL;
    buffer_init_secret(&file->content, TLS_FILE_SIZE_MAX);
    tls_progress_note(path);
    int result =
        takes_pipe ? file_read(path, &file->content) : file_read_regular(path, &file->content);
    tls_progress_note(NULL);
    if (result != 0)
        raise_error(result);
    else
        file->bio = BIO_new_mem_buf(file->content.data, (int)file->content.size);
    if (file->bio)
        return 0;
    tls_file_close(file);
    return -1;
}

void tls_file_close(struct tls_file *file)
{
    BIO_free(file->bio);
    file->bio = NULL;
    buffer_deinit(&file->content);
}
