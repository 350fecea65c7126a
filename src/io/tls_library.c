/* OpenSSL as a whole: process-wide preparation, and library contexts.
 *
 * A library is a pair of contexts. `complete` has the default provider; private keys are read in
 * it. Connections work in `openssl`, whose provider offers the same algorithms, of the same code,
 * but of the decoders only those that a certificate's public key needs. For each key it decodes
 * OpenSSL 3 looks through all decoders, many times over: with some five instead of sixty a
 * certificate is decoded in 22 microseconds instead of 100, and a handshake with a client
 * certificate decodes two or three. Should a later OpenSSL not allow this, connections work in
 * `complete`.
 *
 * Library contexts are recycled, never freed: OpenSSL keeps cleanup work for each thread that used
 * one until that thread ends, so a context freed by another thread would be touched after its end.
 * There are never more of them than contexts were in use at once. Any thread; the free list has a
 * mutex.
 *
 * Process-wide state, as OpenSSL's is: the methods of BIO and of lookup and the tables of the lean
 * provider (written once, by tls_library_init), and the free list.
 */
#include "base/log.h"
#include "base/memory.h"
#include "io/tls_ca_folder.h"
#include "io/tls_internal.h"
#include <openssl/core_dispatch.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <pthread.h>
#include <string.h>

struct tls_library {
    struct tls_library *next; /* while it is free */
    OSSL_LIB_CTX *openssl;
    OSSL_LIB_CTX *complete;
    OSSL_PROVIDER *provider; /* of `complete` */
};

enum { DECODERS_MAX = 64, DISPATCH_MAX = 32 };

static OSSL_ALGORITHM lean_decoders[DECODERS_MAX];
static OSSL_DISPATCH lean_dispatch[DISPATCH_MAX]; /* empty: the lean provider cannot be had */
static OSSL_FUNC_provider_query_operation_fn *query_default;
/* What provider_init is to use; OSSL_PROVIDER_load calls it on the same thread. */
static __thread void *provider_context;

static BIO_METHOD *bio_method;
static X509_LOOKUP_METHOD *lookup_method;
static OSSL_PROVIDER *default_provider; /* of the process-wide library context; stays loaded */
static struct tls_library *free_libraries;
static pthread_mutex_t free_libraries_lock = PTHREAD_MUTEX_INITIALIZER;

static void prepare_lean_provider(OSSL_PROVIDER *provider);

int tls_library_init(void)
{
    if (bio_method)
        return 0;
    if (!CRYPTO_set_mem_functions(mem_tls_alloc, mem_tls_realloc, mem_tls_free)) {
        log_warning("OpenSSL has allocated memory already: it will not be counted");
    }
    /* The system's openssl.cnf is honoured, as Redis does. No atexit handler: at exit other threads
     * may still be inside. */
    if (!OPENSSL_init_ssl(OPENSSL_INIT_NO_ATEXIT | OPENSSL_INIT_LOAD_CONFIG |
                              OPENSSL_INIT_LOAD_SSL_STRINGS | OPENSSL_INIT_LOAD_CRYPTO_STRINGS,
                          NULL))
        return -1;
    default_provider = OSSL_PROVIDER_load(NULL, "default");
    if (!default_provider)
        return -1;
    prepare_lean_provider(default_provider);
    lookup_method = tls_ca_folder_method_create();
    if (!lookup_method)
        return -1;
    bio_method = tls_bio_method_create();
    return bio_method ? 0 : -1;
}

const char *tls_library_version(void)
{
    return OpenSSL_version(OPENSSL_VERSION);
}

bool tls_is_supported(void)
{
    return true;
}

BIO_METHOD *tls_library_bio_method(void)
{
    assert(bio_method); /* tls_library_init comes first */
    return bio_method;
}

X509_LOOKUP_METHOD *tls_library_lookup_method(void)
{
    assert(lookup_method);
    return lookup_method;
}

/* -- the lean provider -- */

/* Decoders of public keys in certificates; keys that no TLS certificate holds are left out. */
static bool is_wanted(const OSSL_ALGORITHM *decoder)
{
    static const char *const unwanted[] = {"DER", "DH", "DHX", "DSA", "X25519", "X448", "SM2"};
    if (!strstr(decoder->property_definition, "input=der") ||
        !strstr(decoder->property_definition, "structure=SubjectPublicKeyInfo"))
        return false;
    size_t size = strcspn(decoder->algorithm_names, ":");
    for (size_t i = 0; i < sizeof(unwanted) / sizeof(unwanted[0]); i++)
        if (size == strlen(unwanted[i]) && memcmp(decoder->algorithm_names, unwanted[i], size) == 0)
            return false;
    return true;
}

static const OSSL_ALGORITHM *query_lean(void *context, int operation, int *no_cache)
{
    if (operation != OSSL_OP_DECODER)
        return query_default(context, operation, no_cache);
    *no_cache = 0;
    return lean_decoders;
}

static int provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *core,
                         const OSSL_DISPATCH **dispatch, void **context)
{
    (void)handle;
    (void)core;
    *dispatch = lean_dispatch;
    *context = provider_context;
    return *context != NULL;
}

/* Copies the default provider's tables, without what is not wanted. On failure they stay empty. */
static void prepare_lean_provider(OSSL_PROVIDER *provider)
{
    int no_cache = 0;
    size_t decoder_count = 0;
    size_t count = 0;
    const OSSL_ALGORITHM *decoder =
        OSSL_PROVIDER_query_operation(provider, OSSL_OP_DECODER, &no_cache);
    for (; decoder && decoder->algorithm_names; decoder++)
        if (is_wanted(decoder) && decoder_count < DECODERS_MAX - 1)
            lean_decoders[decoder_count++] = *decoder;
    const OSSL_DISPATCH *entry = OSSL_PROVIDER_get0_dispatch(provider);
    for (; entry && entry->function_id; entry++) {
        if (entry->function_id == OSSL_FUNC_PROVIDER_TEARDOWN)
            continue; /* the context remains the default provider's */
        if (count == DISPATCH_MAX - 1)
            break;
        lean_dispatch[count] = *entry;
        if (entry->function_id == OSSL_FUNC_PROVIDER_QUERY_OPERATION) {
            query_default = OSSL_FUNC_provider_query_operation(entry);
            lean_dispatch[count].function = (void (*)(void))query_lean;
        }
        count++;
    }
    if (!query_default || decoder_count == 0)
        memset(lean_dispatch, 0, sizeof(lean_dispatch));
}

/* A context with the lean provider, NULL when that does not work. */
static OSSL_LIB_CTX *create_lean(const struct tls_library *library)
{
    OSSL_LIB_CTX *lean = lean_dispatch[0].function_id ? OSSL_LIB_CTX_new() : NULL;
    provider_context = OSSL_PROVIDER_get0_provider_ctx(library->provider);
    if (lean && OSSL_PROVIDER_add_builtin(lean, "lean", provider_init) &&
        OSSL_PROVIDER_load(lean, "lean"))
        return lean;
    OSSL_LIB_CTX_free(lean);
    ERR_clear_error();
    return NULL;
}

/* -- libraries -- */

static struct tls_library *library_create(void)
{
    struct tls_library *library = mem_calloc(1, sizeof(*library));
    library->complete = OSSL_LIB_CTX_new();
    if (library->complete)
        library->provider = OSSL_PROVIDER_load(library->complete, "default");
    if (!library->provider) {
        OSSL_LIB_CTX_free(library->complete);
        mem_free(library);
        return NULL;
    }
    library->openssl = create_lean(library);
    if (!library->openssl)
        library->openssl = library->complete;
    return library;
}

struct tls_library *tls_library_acquire(void)
{
    pthread_mutex_lock(&free_libraries_lock);
    struct tls_library *library = free_libraries;
    if (library)
        free_libraries = library->next;
    pthread_mutex_unlock(&free_libraries_lock);
    return library ? library : library_create();
}

void tls_library_give_back(struct tls_library *library)
{
    if (!library)
        return;
    pthread_mutex_lock(&free_libraries_lock);
    library->next = free_libraries;
    free_libraries = library;
    pthread_mutex_unlock(&free_libraries_lock);
}

OSSL_LIB_CTX *tls_library_openssl(const struct tls_library *library)
{
    return library->openssl;
}

OSSL_LIB_CTX *tls_library_complete(const struct tls_library *library)
{
    return library->complete;
}
