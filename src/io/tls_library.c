/* OpenSSL as a whole: process-wide preparation, and library contexts.
 *
 * Library contexts are recycled, never freed: OpenSSL keeps cleanup work for each thread that used one
 * until that thread ends, so a context freed by another thread would be touched after its end. There
 * are never more of them than contexts were in use at once. Any thread; the free list has a mutex.
 *
 * Process-wide state, as OpenSSL's is: the BIO method (written once, by tls_library_init) and the free
 * list.
 */
#include "base/log.h"
#include "base/memory.h"
#include "io/tls_internal.h"
#include <openssl/crypto.h>
#include <openssl/provider.h>
#include <pthread.h>

struct tls_library {
    struct tls_library *next; /* while it is free */
    OSSL_LIB_CTX *openssl;
    OSSL_PROVIDER *provider;
};

static BIO_METHOD *bio_method;
static struct tls_library *free_libraries;
static pthread_mutex_t free_libraries_lock = PTHREAD_MUTEX_INITIALIZER;

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

static struct tls_library *library_create(void)
{
    struct tls_library *library = mem_calloc(1, sizeof(*library));
    library->openssl = OSSL_LIB_CTX_new();
    if (library->openssl)
        library->provider = OSSL_PROVIDER_load(library->openssl, "default");
    if (library->provider)
        return library;
    OSSL_LIB_CTX_free(library->openssl);
    mem_free(library);
    return NULL;
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
