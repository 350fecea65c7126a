/* See tls_verify.h. Runs inside SSL_do_handshake, on the connection's thread. */
#include "io/tls_verify.h"

#include "base/clock.h"
#include "base/memory.h"
#include "io/tls_internal.h"
#include <openssl/err.h>
#include <pthread.h>
#include <string.h>

enum { HASH_SIZE = 32 };

struct verified_entry {
    unsigned char hash[HASH_SIZE]; /* SHA-256 of the certificate */
    X509 *stub;                    /* NULL: unused */
    struct tls_identity *identity;
    int64_t verified_wall_s;
    int64_t expires_wall_s; /* the first date in the chain to pass */
};

struct tls_verified {
    pthread_mutex_t lock;
    struct verified_entry entries[TLS_VERIFIED_MAX]; /* by the hash's first byte */
};

_Static_assert(TLS_VERIFIED_MAX == 256, "one byte of the hash is the index");

struct tls_verified *tls_verified_create(void)
{
    struct tls_verified *verified = mem_calloc(1, sizeof(*verified));
    pthread_mutex_init(&verified->lock, NULL);
    return verified;
}

static void entry_clear(struct verified_entry *entry)
{
    X509_free(entry->stub);
    tls_identity_release(entry->identity);
    memset(entry, 0, sizeof(*entry));
}

void tls_verified_destroy(struct tls_verified *verified)
{
    if (!verified)
        return;
    for (size_t i = 0; i < TLS_VERIFIED_MAX; i++)
        entry_clear(&verified->entries[i]);
    pthread_mutex_destroy(&verified->lock);
    mem_free(verified);
}

/* Empties a certificate of everything but its key object. What remains encodes to a few hundred
 * bytes whose key has no known algorithm: decoding it again does not search for a decoder in vain.
 */
static bool make_stub(X509 *certificate)
{
    X509_NAME *empty = X509_NAME_new();
    ASN1_OBJECT *no_algorithm = OBJ_txt2obj("2.999", 1); /* the example arc of X.660 */
    unsigned char *no_key = OPENSSL_zalloc(1);
    EVP_PKEY *key = X509_get_pubkey(certificate);
    bool is_done = empty && no_algorithm && no_key && key &&
                   X509_set_subject_name(certificate, empty) &&
                   X509_set_issuer_name(certificate, empty) &&
                   X509_PUBKEY_set0_param(X509_get_X509_PUBKEY(certificate), no_algorithm,
                                          V_ASN1_UNDEF, NULL, no_key, 1);
    if (is_done) {
        while (X509_get_ext_count(certificate) > 0)
            X509_EXTENSION_free(X509_delete_ext(certificate, 0));
        /* The key object stays with the emptied encoding in OpenSSL 3; should a later one drop it,
         * put it back with its encoding. */
        if (X509_get0_pubkey(certificate) != key)
            is_done = X509_set_pubkey(certificate, key);
        /* The encoding of what was received is kept beside the fields until it is made anew. */
        if (is_done)
            is_done = i2d_re_X509_tbs(certificate, NULL) > 0;
    } else {
        ASN1_OBJECT_free(no_algorithm);
        OPENSSL_free(no_key);
    }
    EVP_PKEY_free(key);
    X509_NAME_free(empty);
    return is_done;
}

static int64_t first_to_expire(X509_STORE_CTX *store)
{
    const STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(store);
    int64_t first = INT64_MAX;
    for (int i = 0; i < sk_X509_num(chain); i++) {
        int64_t expires = tls_certificate_expires(sk_X509_value(chain, i));
        if (expires < first)
            first = expires;
    }
    return first;
}

/* The stub for a certificate verified lately, and its identity; references are the caller's. */
static X509 *find(struct tls_verified *verified, const unsigned char hash[HASH_SIZE],
                  struct tls_identity **identity)
{
    X509 *stub = NULL;
    int64_t now = clock_read_wall_us() / 1000000;
    pthread_mutex_lock(&verified->lock);
    struct verified_entry *entry = &verified->entries[hash[0]];
    if (entry->stub && memcmp(entry->hash, hash, HASH_SIZE) == 0 && now >= entry->verified_wall_s &&
        now < entry->verified_wall_s + TLS_VERIFIED_TTL_S && now < entry->expires_wall_s &&
        X509_up_ref(entry->stub)) {
        stub = entry->stub;
        *identity = tls_identity_acquire(entry->identity);
    }
    pthread_mutex_unlock(&verified->lock);
    return stub;
}

static void remember(struct tls_verified *verified, const struct verified_entry *entry)
{
    assert(entry->stub && entry->identity);
    if (!X509_up_ref(entry->stub))
        return;
    tls_identity_acquire(entry->identity);
    pthread_mutex_lock(&verified->lock);
    struct verified_entry *slot = &verified->entries[entry->hash[0]];
    entry_clear(slot);
    *slot = *entry;
    pthread_mutex_unlock(&verified->lock);
}

/* Replaces the chain that the connection is about to keep by the stub alone (its reference is
 * taken). */
static void keep_stub(X509_STORE_CTX *store, X509 *stub)
{
    STACK_OF(X509) *sent = X509_STORE_CTX_get0_untrusted(store);
    assert(sk_X509_num(sent) > 0);
    X509_STORE_CTX_set0_verified_chain(store, NULL);
    while (sk_X509_num(sent) > 1)
        X509_free(sk_X509_pop(sent));
    X509 *leaf = sk_X509_value(sent, 0);
    if (leaf != stub) {
        sk_X509_set(sent, 0, stub);
        X509_free(leaf);
    }
}

static void set_identity(struct transport_tls *transport, struct tls_identity *identity)
{
    tls_identity_release(transport->identity);
    transport->identity = identity;
}

/* Called by OpenSSL when a client has sent certificates. 1: accepted. */
static int verify_client(X509_STORE_CTX *store, void *context_pointer)
{
    const struct tls_context *context = context_pointer;
    const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct transport_tls *transport = transport_tls_of(ssl);
    assert(transport->context == context && transport->is_server);
    X509 *leaf = X509_STORE_CTX_get0_cert(store);
    struct verified_entry entry = {0};
    unsigned hash_size = 0;
    bool is_hashed =
        X509_digest(leaf, EVP_sha256(), entry.hash, &hash_size) && hash_size == HASH_SIZE;
    bool may_remember = is_hashed && !transport->requires_names;
    struct tls_identity *identity = NULL;
    X509 *stub = may_remember ? find(context->verified, entry.hash, &identity) : NULL;
    if (stub) {
        set_identity(transport, identity);
        keep_stub(store, stub);
        X509_STORE_CTX_set_error(store, X509_V_OK);
        return 1;
    }
    if (X509_verify_cert(store) <= 0)
        return 0;
    entry.identity = tls_identity_read(leaf);
    entry.verified_wall_s = clock_read_wall_us() / 1000000;
    entry.expires_wall_s = first_to_expire(store);
    set_identity(transport, entry.identity);
    X509_STORE_CTX_set0_verified_chain(store, NULL);
    if (make_stub(leaf)) {
        keep_stub(store, leaf);
        entry.stub = leaf;
        if (may_remember)
            remember(context->verified, &entry);
    }
    ERR_clear_error();
    return 1;
}

void tls_verify_install(struct tls_context *context)
{
    assert(context->verified && context->server);
    SSL_CTX_set_cert_verify_callback(context->server, verify_client, context);
}
