/* A folder of certificates and revocation lists that is looked into while a chain is verified, by
 * the names that `openssl rehash` gives: <hash of the subject>.0, .1 and so on for certificates,
 * <hash of the issuer>.r0 and so on for lists, up to the first name that is missing. The results
 * are those of OpenSSL's X509_LOOKUP_hash_dir, which however opens whatever has such a name: a pipe
 * there stops the thread in the middle of a handshake. Here files are read through tls_file.h:
 * regular ones, bounded; others are passed over, as damaged ones are.
 *
 * What was read stays in the store, and a subject that is there is not looked for again. Issuers of
 * lists are, each time, for a list with the next number. Runs on the thread that verifies; a mutex
 * guards what is remembered, since a session may travel in the middle of its handshake.
 */
#ifndef IO_TLS_CA_FOLDER_H
#define IO_TLS_CA_FOLDER_H

#include "base/assert.h"
#include <openssl/x509_vfy.h>

enum {
    TLS_CA_FOLDER_FILES_MAX = 256, /* read for one look, of those with the same hash */
    /* Issuers whose last list is remembered; lists of more are read each time, and found to be
     * there already. */
    TLS_CA_FOLDER_ISSUERS_MAX = 1024
};

/* What tls_library_init makes, once; NULL: no memory. */
X509_LOOKUP_METHOD *tls_ca_folder_method_create(void);
/* From now on whoever verifies with `store` looks into the folder (its name is copied). Once for a
 * store; `library`, NULL for the process's, must outlive it. -1 with an error in the queue. */
int tls_ca_folder_install(X509_STORE *store, OSSL_LIB_CTX *library, const char *path) MUST_CHECK;

#endif
