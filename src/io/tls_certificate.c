/* See tls_certificate.h. Atomics [X]: the reference count of an identity, which a session may carry
 * to another thread while its first thread releases its own. */
#include "io/tls_certificate.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/tls_ca_folder.h"
#include "io/tls_errors.h"
#include "io/tls_file.h"
#include "io/tls_progress.h"
#include "io/transport_tls.h"
#include <dirent.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

int tls_fail(const struct tls_failure *failure, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (failure->size)
        (void)vsnprintf(failure->text, failure->size, format, args);
    va_end(args);
    return -1;
}

static int fail_openssl(const struct tls_failure *failure, const char *what, const char *path)
{
    char reason[160];
    tls_errors_take(reason, sizeof(reason));
    return tls_fail(failure, "%s: %s: %s", what, path, reason);
}

/* -- PEM -- */

static int no_passphrase(char *buffer, int size, int is_writing, void *passphrase)
{
    (void)is_writing;
    if (!passphrase) {
        ERR_raise_data(ERR_LIB_USER, EACCES, "it is encrypted, and no passphrase is configured");
        return -1;
    }
    size_t length = strlen(passphrase);
    if (size < 0 || length > (size_t)size)
        return -1;
    memcpy(buffer, passphrase, length);
    return (int)length;
}

/* The next certificate of the file; NULL at its end (no error left) or on failure (an error left).
 */
static X509 *next_certificate(BIO *file, OSSL_LIB_CTX *library)
{
    X509 *certificate = X509_new_ex(library, NULL);
    if (certificate && PEM_read_bio_X509_AUX(file, &certificate, no_passphrase, NULL))
        return certificate;
    X509_free(certificate);
    unsigned long code = ERR_peek_last_error();
    if (ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE)
        ERR_clear_error();
    return NULL;
}

/* The leaf, and the others in *chain. NULL with an error in the queue. */
static X509 *read_chain(const char *path, bool takes_pipe, OSSL_LIB_CTX *library,
                        STACK_OF(X509) * *chain)
{
    struct tls_file file;
    *chain = NULL;
    if (tls_file_open(&file, path, takes_pipe) < 0)
        return NULL;
    *chain = sk_X509_new_null();
    X509 *leaf = *chain ? next_certificate(file.bio, library) : NULL;
    if (!leaf && !ERR_peek_error())
        ERR_raise(ERR_LIB_PEM, PEM_R_NO_START_LINE);
    X509 *next;
    while (leaf && (next = next_certificate(file.bio, library)) != NULL) {
        if (!sk_X509_push(*chain, next)) {
            X509_free(next);
            break;
        }
    }
    tls_file_close(&file);
    if (leaf && !ERR_peek_error())
        return leaf;
    X509_free(leaf);
    sk_X509_pop_free(*chain, X509_free);
    *chain = NULL;
    return NULL;
}

static EVP_PKEY *read_key(const struct tls_pair_files *files)
{
    struct tls_file file;
    if (tls_file_open(&file, files->key, files->takes_pipes) < 0)
        return NULL;
    char *copy = files->passphrase ? mem_strdup(files->passphrase) : NULL;
    EVP_PKEY *key =
        PEM_read_bio_PrivateKey_ex(file.bio, NULL, no_passphrase, copy, files->key_library, NULL);
    if (copy)
        mem_free_secret(copy, strlen(copy));
    tls_file_close(&file);
    return key;
}

/* The same key in the library that will use it: a key of another library works, but is looked up
 * (and converted, the first time) for every signature. Takes `key`; on failure it is returned. */
static EVP_PKEY *move_key(EVP_PKEY *key, OSSL_LIB_CTX *library)
{
    OSSL_PARAM *parts = NULL;
    EVP_PKEY *moved = NULL;
    EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(library, EVP_PKEY_get0_type_name(key), NULL);
    if (maker && EVP_PKEY_todata(key, EVP_PKEY_KEYPAIR, &parts) &&
        EVP_PKEY_fromdata_init(maker) > 0 &&
        EVP_PKEY_fromdata(maker, &moved, EVP_PKEY_KEYPAIR, parts) > 0) {
        EVP_PKEY_free(key);
        key = moved;
    }
    OSSL_PARAM_free(parts);
    EVP_PKEY_CTX_free(maker);
    ERR_clear_error();
    return key;
}

static int check_dates(const X509 *leaf, const struct tls_pair_files *files,
                       const struct tls_failure *failure)
{
    const char *problem = NULL;
    const ASN1_TIME *limit = NULL;
    if (X509_cmp_current_time(X509_get0_notBefore(leaf)) >= 0) {
        problem = "is not valid before";
        limit = X509_get0_notBefore(leaf);
    } else if (X509_cmp_current_time(X509_get0_notAfter(leaf)) <= 0) {
        problem = "has expired on";
        limit = X509_get0_notAfter(leaf);
    } else {
        return 0;
    }
    char date[64] = "?";
    BIO *memory = BIO_new(BIO_s_mem());
    if (memory && ASN1_TIME_print(memory, limit)) {
        int size = BIO_read(memory, date, sizeof(date) - 1);
        date[size > 0 ? size : 0] = 0;
    }
    BIO_free(memory);
    return tls_fail(failure,
                    "%s TLS certificate is invalid. Aborting TLS configuration. (%s %s %s)",
                    files->owner, files->certificate, problem, date);
}

static int install_pair(SSL_CTX *ssl_context, X509 *leaf, STACK_OF(X509) * chain, EVP_PKEY *key,
                        const struct tls_pair_files *files, const struct tls_failure *failure)
{
    if (!X509_check_private_key(leaf, key))
        return fail_openssl(failure, "Failed to load private key", files->key);
    if (!SSL_CTX_use_cert_and_key(ssl_context, leaf, key, chain, 1))
        return fail_openssl(failure, "Failed to load certificate", files->certificate);
    return 0;
}

int tls_certificate_use(SSL_CTX *ssl_context, const struct tls_pair_files *files,
                        const struct tls_failure *failure)
{
    ERR_clear_error();
    STACK_OF(X509) *chain = NULL;
    X509 *leaf = read_chain(files->certificate, files->takes_pipes, files->library, &chain);
    if (!leaf)
        return fail_openssl(failure, "Failed to load certificate", files->certificate);
    int result = check_dates(leaf, files, failure);
    if (result == 0) {
        EVP_PKEY *key = read_key(files);
        if (key)
            key = move_key(key, files->library);
        result = key ? install_pair(ssl_context, leaf, chain, key, files, failure)
                     : fail_openssl(failure, "Failed to load private key", files->key);
        EVP_PKEY_free(key);
    }
    X509_free(leaf);
    sk_X509_pop_free(chain, X509_free);
    return result;
}

/* -- trust -- */

static const char trust_failed[] = "Failed to configure CA certificate(s) file/directory";

/* Adds every certificate of the file. Returns how many, -1 with an error in the queue. */
static int trust_file(X509_STORE *store, OSSL_LIB_CTX *library, const char *path, bool takes_pipe,
                      struct tls_certificate_facts *facts)
{
    STACK_OF(X509) *others = NULL;
    X509 *first = read_chain(path, takes_pipe, library, &others);
    if (!first)
        return -1;
    if (!sk_X509_unshift(others, first)) {
        X509_free(first);
        sk_X509_pop_free(others, X509_free);
        return -1;
    }
    int count = sk_X509_num(others);
    for (int i = 0; i < count; i++) {
        const X509 *certificate = sk_X509_value(others, i);
        if (!X509_STORE_add_cert(store, sk_X509_value(others, i)))
            count = -1;
        int64_t expires = tls_certificate_expires(certificate);
        if (!facts->serial[0] || expires < facts->expires_wall_s)
            tls_certificate_describe(certificate, facts);
    }
    sk_X509_pop_free(others, X509_free);
    return count;
}

static const struct dirent *next_entry(DIR *directory, const char *folder)
{
    tls_progress_note(folder);
    const struct dirent *entry = readdir(directory); /* NOLINT(concurrency-mt-unsafe): own stream */
    tls_progress_note(NULL);
    return entry;
}

static int trust_folder(X509_STORE *store, OSSL_LIB_CTX *library, const char *folder,
                        struct tls_certificate_facts *facts, const struct tls_failure *failure)
{
    tls_progress_note(folder);
    DIR *directory = opendir(folder);
    tls_progress_note(NULL);
    if (!directory)
        return tls_fail(failure, "%s: %s: %s", trust_failed, folder, strerrordesc_np(errno));
    const struct dirent *entry;
    while ((entry = next_entry(directory, folder)) != NULL) {
        char path[4096];
        int size = snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        if (entry->d_name[0] == '.' || size >= (int)sizeof(path))
            continue;
        (void)trust_file(store, library, path, false,
                         facts); /* keys and other files live there too */
        ERR_clear_error();
    }
    closedir(directory);
    /* Names by hash are looked up later too, so that a file added there is found as Redis finds it.
     */
    if (tls_ca_folder_install(store, library, folder) < 0)
        return fail_openssl(failure, trust_failed, folder);
    return 0;
}

int tls_certificate_trust(X509_STORE *store, OSSL_LIB_CTX *library, const char *file,
                          const char *folder, bool takes_pipes, struct tls_certificate_facts *facts,
                          const struct tls_failure *failure)
{
    ERR_clear_error();
    memset(facts, 0, sizeof(*facts));
    if (file && trust_file(store, library, file, takes_pipes, facts) < 0)
        return fail_openssl(failure, trust_failed, file);
    if (folder)
        return trust_folder(store, library, folder, facts, failure);
    return 0;
}

int tls_certificate_revoke(X509_STORE *store, OSSL_LIB_CTX *library, const char *path,
                           const struct tls_failure *failure)
{
    ERR_clear_error();
    struct tls_file file;
    if (tls_file_open(&file, path, false) < 0)
        return fail_openssl(failure, "Failed to load tls-crl-file", path);
    X509_NAME *first_issuer = NULL;
    bool has_other_issuers = false;
    bool is_refused = false;
    for (;;) {
        X509_CRL *list = X509_CRL_new_ex(library, NULL);
        if (!list || !PEM_read_bio_X509_CRL(file.bio, &list, no_passphrase, NULL)) {
            X509_CRL_free(list);
            break;
        }
        X509_NAME *issuer = X509_CRL_get_issuer(list);
        if (!first_issuer)
            first_issuer = X509_NAME_dup(issuer);
        else if (X509_NAME_cmp(first_issuer, issuer) != 0)
            has_other_issuers = true;
        if (!X509_STORE_add_crl(store, list))
            is_refused = true;
        X509_CRL_free(list);
    }
    tls_file_close(&file);
    bool is_empty = !first_issuer;
    X509_NAME_free(first_issuer);
    unsigned long code = ERR_peek_last_error();
    bool is_at_end =
        ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
    if (is_empty || is_refused || !is_at_end)
        return fail_openssl(failure, "Failed to load tls-crl-file", path);
    ERR_clear_error();
    X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK |
                                    (has_other_issuers ? X509_V_FLAG_CRL_CHECK_ALL : 0));
    return 0;
}

/* -- facts -- */

int64_t tls_certificate_expires(const X509 *certificate)
{
    int days = 0;
    int seconds = 0;
    ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
    bool is_read = epoch && ASN1_TIME_diff(&days, &seconds, epoch, X509_get0_notAfter(certificate));
    ASN1_TIME_free(epoch);
    return is_read ? (int64_t)days * 86400 + seconds : INT64_MAX;
}

void tls_certificate_describe(const X509 *certificate, struct tls_certificate_facts *facts)
{
    memset(facts, 0, sizeof(*facts));
    text_copy(facts->serial, sizeof(facts->serial), "none");
    if (!certificate)
        return;
    BIO *memory = BIO_new(BIO_s_mem());
    if (memory && X509_NAME_print_ex(memory, X509_get_subject_name(certificate), 0,
                                     XN_FLAG_ONELINE & ~(unsigned long)XN_FLAG_SPC_EQ) >= 0) {
        int size = BIO_read(memory, facts->subject, sizeof(facts->subject) - 1);
        facts->subject[size > 0 ? size : 0] = 0;
    }
    BIO_free(memory);
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), NULL);
    char *digits = number ? BN_bn2hex(number) : NULL;
    if (digits)
        text_copy(facts->serial, sizeof(facts->serial), digits);
    OPENSSL_free(digits);
    BN_free(number);
    facts->expires_wall_s = tls_certificate_expires(certificate);
    ERR_clear_error();
}

/* -- identity -- */

enum { URIS_MAX = 4 };

/* Appends `size` bytes as one name, or "" when a NUL is inside or it does not fit: such a name
 * must match nothing, and a cut one could match another user. */
static bool put_name(char *names, size_t *offset, const void *data, size_t size)
{
    bool is_usable = size > 0 && size < TLS_NAME_MAX && !memchr(data, 0, size);
    if (is_usable) {
        memcpy(names + *offset, data, size);
        *offset += size;
    }
    names[(*offset)++] = 0;
    return is_usable;
}

static void put_common_name(char *names, size_t *offset, const X509_NAME *subject)
{
    unsigned char *text = NULL;
    int size = -1;
    int index = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (index >= 0)
        size = ASN1_STRING_to_UTF8(&text,
                                   X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index)));
    put_name(names, offset, text, size > 0 ? (size_t)size : 0);
    OPENSSL_free(text);
}

struct tls_identity *tls_identity_read(X509 *certificate)
{
    char names[TLS_IDENTITY_ENCODED_MAX];
    size_t size = 0;
    put_common_name(names, &size, X509_get_subject_name(certificate));
    GENERAL_NAMES *alternatives = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    int count = alternatives ? sk_GENERAL_NAME_num(alternatives) : 0;
    for (int i = 0, found = 0; i < count && found < URIS_MAX; i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(alternatives, i);
        if (name->type != GEN_URI)
            continue;
        const ASN1_STRING *uri = name->d.uniformResourceIdentifier;
        size_t before = size;
        if (put_name(names, &size, ASN1_STRING_get0_data(uri), (size_t)ASN1_STRING_length(uri)))
            found++;
        else
            size = before;
    }
    GENERAL_NAMES_free(alternatives);
    ERR_clear_error();
    struct tls_identity *identity = mem_alloc(sizeof(*identity) + size);
    identity->references = 1;
    identity->names_size = (uint32_t)size;
    identity->expires_wall_s = tls_certificate_expires(certificate);
    memcpy(identity->names, names, size);
    return identity;
}

struct tls_identity *tls_identity_acquire(struct tls_identity *identity)
{
    __atomic_add_fetch(&identity->references, 1, __ATOMIC_RELAXED);
    return identity;
}

void tls_identity_release(struct tls_identity *identity)
{
    /* acquire and release: the last holder's free comes after every other holder's reads */
    if (identity && __atomic_sub_fetch(&identity->references, 1, __ATOMIC_ACQ_REL) == 0)
        mem_free(identity);
}

size_t tls_identity_encode(const struct tls_identity *identity, char *destination)
{
    size_t size = sizeof(identity->expires_wall_s);
    assert(size + identity->names_size <= TLS_IDENTITY_ENCODED_MAX);
    memcpy(destination, &identity->expires_wall_s, size);
    memcpy(destination + size, identity->names, identity->names_size);
    return size + identity->names_size;
}

struct tls_identity *tls_identity_decode(const void *data, size_t size)
{
    size_t head = sizeof(((struct tls_identity *)NULL)->expires_wall_s);
    const char *bytes = data;
    if (size <= head || size > TLS_IDENTITY_ENCODED_MAX || bytes[size - 1] != 0)
        return NULL;
    struct tls_identity *identity = mem_alloc(sizeof(*identity) + size - head);
    identity->references = 1;
    identity->names_size = (uint32_t)(size - head);
    memcpy(&identity->expires_wall_s, bytes, head);
    memcpy(identity->names, bytes + head, size - head);
    return identity;
}

void tls_identity_describe(const struct tls_identity *identity, struct tls_facts *facts)
{
    facts->has_certificate = identity != NULL;
    if (!identity)
        return;
    const char *name = identity->names;
    const char *end = identity->names + identity->names_size;
    text_copy(facts->certificate_name, sizeof(facts->certificate_name), name);
    for (size_t i = 0; i < URIS_MAX; i++) {
        name += strlen(name) + 1;
        if (name >= end)
            break;
        text_copy(facts->certificate_uris[i], sizeof(facts->certificate_uris[i]), name);
    }
}
