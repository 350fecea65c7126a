/* See tls_ca_folder.h. */
#include "io/tls_ca_folder.h"

#include "base/memory.h"
#include "io/tls_file.h"
#include "io/tls_internal.h"
#include <openssl/err.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { PATH_SIZE_MAX = 4096 };

/* Of one hash: lists below this number were read. */
struct issuer {
    unsigned long hash;
    unsigned next;
};

struct tls_ca_folder {
    OSSL_LIB_CTX *library;
    pthread_mutex_t lock; /* of the rest */
    struct issuer *issuers;
    unsigned issuer_count;
    char path[];
};

/* -- what was read -- */

static struct issuer *find_issuer(struct tls_ca_folder *folder, unsigned long hash)
{
    for (unsigned i = 0; i < folder->issuer_count; i++)
        if (folder->issuers[i].hash == hash)
            return &folder->issuers[i];
    return NULL;
}

static unsigned next_list(struct tls_ca_folder *folder, unsigned long hash)
{
    pthread_mutex_lock(&folder->lock);
    const struct issuer *issuer = find_issuer(folder, hash);
    unsigned next = issuer ? issuer->next : 0;
    pthread_mutex_unlock(&folder->lock);
    return next;
}

static void remember_list(struct tls_ca_folder *folder, unsigned long hash, unsigned next)
{
    pthread_mutex_lock(&folder->lock);
    struct issuer *issuer = find_issuer(folder, hash);
    if (!issuer && folder->issuer_count < TLS_CA_FOLDER_ISSUERS_MAX) {
        size_t count = folder->issuer_count + 1;
        folder->issuers = mem_realloc(folder->issuers, count * sizeof(*folder->issuers));
        issuer = &folder->issuers[folder->issuer_count++];
        *issuer = (struct issuer){.hash = hash};
    }
    if (issuer && issuer->next < next)
        issuer->next = next;
    pthread_mutex_unlock(&folder->lock);
}

/* -- reading -- */

/* Nobody is asked. */
static int no_passphrase(char *buffer, int size, int is_writing, void *context)
{
    (void)buffer;
    (void)size;
    (void)is_writing;
    (void)context;
    return -1;
}

/* The next certificate or list of the file goes into the store. False at the end and on failure,
 * with an error in the queue. */
static bool add_next(X509_STORE *store, X509_LOOKUP_TYPE type, BIO *file, OSSL_LIB_CTX *library)
{
    bool is_added;
    if (type == X509_LU_CRL) {
        X509_CRL *list = X509_CRL_new_ex(library, NULL);
        is_added = list && PEM_read_bio_X509_CRL(file, &list, no_passphrase, NULL) &&
                   X509_STORE_add_crl(store, list);
        X509_CRL_free(list);
    } else {
        X509 *certificate = X509_new_ex(library, NULL);
        is_added = certificate && PEM_read_bio_X509_AUX(file, &certificate, no_passphrase, NULL) &&
                   X509_STORE_add_cert(store, certificate);
        X509_free(certificate);
    }
    return is_added;
}

static void add_file(X509_STORE *store, X509_LOOKUP_TYPE type, const char *path,
                     OSSL_LIB_CTX *library)
{
    struct tls_file file;
    if (tls_file_open(&file, path, false) < 0)
        return;
    while (add_next(store, type, file.bio, library))
        continue;
    tls_file_close(&file);
}

static void add_row(struct tls_ca_folder *folder, X509_STORE *store, X509_LOOKUP_TYPE type,
                    unsigned long hash)
{
    bool is_list = type == X509_LU_CRL;
    unsigned first = is_list ? next_list(folder, hash) : 0;
    unsigned number = first;
    while (number - first < TLS_CA_FOLDER_FILES_MAX) {
        char path[PATH_SIZE_MAX];
        int size = snprintf(path, sizeof(path), "%s/%08lx.%s%u", folder->path, hash,
                            is_list ? "r" : "", number);
        struct stat facts;
        if (size >= (int)sizeof(path) || lstat(path, &facts) != 0)
            break;
        add_file(store, type, path, folder->library);
        number++;
    }
    if (is_list && number > first)
        remember_list(folder, hash, number);
}

/* -- what OpenSSL calls -- */

/* From the store, where everything that was read is. The reference that is set in `result` is given
 * back, since the caller takes one of its own (X509_LOOKUP_meth_new(3)); the store keeps its. */
static bool take(X509_STORE *store, X509_LOOKUP_TYPE type, const X509_NAME *name,
                 X509_OBJECT *result)
{
    bool is_taken = false;
    if (!X509_STORE_lock(store))
        return false;
    const X509_OBJECT *found =
        X509_OBJECT_retrieve_by_subject(X509_STORE_get0_objects(store), type, name);
    if (found && type == X509_LU_CRL) {
        X509_CRL *list = X509_OBJECT_get0_X509_CRL(found);
        is_taken = X509_OBJECT_set1_X509_CRL(result, list);
        if (is_taken)
            X509_CRL_free(list);
    } else if (found) {
        X509 *certificate = X509_OBJECT_get0_X509(found);
        is_taken = X509_OBJECT_set1_X509(result, certificate);
        if (is_taken)
            X509_free(certificate);
    }
    (void)X509_STORE_unlock(store);
    return is_taken;
}

static int get_by_subject(X509_LOOKUP *lookup, X509_LOOKUP_TYPE type, const X509_NAME *name,
                          X509_OBJECT *result)
{
    struct tls_ca_folder *folder = X509_LOOKUP_get_method_data(lookup);
    X509_STORE *store = X509_LOOKUP_get_store(lookup);
    assert(folder && store);
    if (!name || (type != X509_LU_X509 && type != X509_LU_CRL))
        return 0;
    /* What is wrong with a file is not what the connection fails for. */
    (void)ERR_set_mark();
    int is_hashed = 0;
    unsigned long hash = X509_NAME_hash_ex(name, folder->library, NULL, &is_hashed);
    if (is_hashed)
        add_row(folder, store, type, hash);
    bool is_taken = is_hashed && take(store, type, name, result);
    (void)ERR_pop_to_mark();
    return is_taken;
}

static void free_folder(X509_LOOKUP *lookup)
{
    struct tls_ca_folder *folder = X509_LOOKUP_get_method_data(lookup);
    if (!folder)
        return;
    pthread_mutex_destroy(&folder->lock);
    mem_free(folder->issuers);
    mem_free(folder);
}

X509_LOOKUP_METHOD *tls_ca_folder_method_create(void)
{
    X509_LOOKUP_METHOD *method = X509_LOOKUP_meth_new("folder of hashed names");
    if (method && X509_LOOKUP_meth_set_get_by_subject(method, get_by_subject) &&
        X509_LOOKUP_meth_set_free(method, free_folder))
        return method;
    X509_LOOKUP_meth_free(method);
    return NULL;
}

int tls_ca_folder_install(X509_STORE *store, OSSL_LIB_CTX *library, const char *path)
{
    X509_LOOKUP *lookup = X509_STORE_add_lookup(store, tls_library_lookup_method());
    if (!lookup)
        return -1;
    assert(!X509_LOOKUP_get_method_data(lookup));
    size_t size = strlen(path) + 1;
    struct tls_ca_folder *folder = mem_calloc(1, sizeof(*folder) + size);
    folder->library = library;
    memcpy(folder->path, path, size);
    pthread_mutex_init(&folder->lock, NULL);
    (void)X509_LOOKUP_set_method_data(lookup, folder);
    return 0;
}
