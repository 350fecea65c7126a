/* A PEM file, read whole before OpenSSL sees it: bounded, and never a file that makes the reader
 * wait for somebody else. Any thread. */
#ifndef IO_TLS_FILE_H
#define IO_TLS_FILE_H

#include "base/buffer.h"
#include <openssl/bio.h>
#include <stdbool.h>

struct tls_file {
    struct buffer content;
    BIO *bio; /* reads the content */
};

/* -1 with an error in the queue; then nothing is to be closed. `takes_pipe`: for tools, whose user
 * may give what another program prints. */
int tls_file_open(struct tls_file *file, const char *path, bool takes_pipe);
void tls_file_close(struct tls_file *file);

#endif
