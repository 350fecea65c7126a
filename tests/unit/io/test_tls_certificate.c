/* Identities: read from certificates, encoded into sessions and back. */
#ifdef BUILD_TLS
#include "tls_pair.h"

#include "io/tls_certificate.h"
#include <openssl/pem.h>

TestSuite(tls_certificate, .init = tls_test_begin);

static X509 *load(const char *name)
{
    char path[128];
    (void)snprintf(path, sizeof(path), CERTIFICATES "%s.crt", name);
    BIO *file = BIO_new_file(path, "r");
    X509 *certificate = PEM_read_bio_X509(file, NULL, NULL, NULL);
    BIO_free(file);
    cr_assert_not_null(certificate);
    return certificate;
}

static void check_identity(const char *name, const char *common_name, const char *uri)
{
    X509 *certificate = load(name);
    struct tls_identity *identity = tls_identity_read(certificate);
    cr_assert_eq(identity->expires_wall_s, tls_certificate_expires(certificate));
    X509_free(certificate);
    char encoded[TLS_IDENTITY_ENCODED_MAX];
    size_t size = tls_identity_encode(identity, encoded);
    struct tls_identity *decoded = tls_identity_decode(encoded, size);
    cr_assert_not_null(decoded);
    cr_assert_eq(decoded->expires_wall_s, identity->expires_wall_s);
    for (int i = 0; i < 2; i++) {
        struct tls_facts facts = {0};
        tls_identity_describe(i ? decoded : identity, &facts);
        cr_assert(facts.has_certificate);
        cr_assert_str_eq(facts.certificate_name, common_name);
        cr_assert_str_eq(facts.certificate_uris[0], uri);
    }
    tls_identity_release(decoded);
    tls_identity_release(tls_identity_acquire(identity));
    tls_identity_release(identity);
}

Test(tls_certificate, identities)
{
    check_identity("client", "Client-only", "");
    check_identity("uri", "uri-holder", "urn:sluice:alice");
    check_identity("nul", "", "");
}

Test(tls_certificate, dates)
{
    X509 *certificate = load("expired");
    cr_assert_eq(tls_certificate_expires(certificate), 1609459200); /* 2021-01-01 */
    X509_free(certificate);
}

Test(tls_certificate, malformed_identities)
{
    char data[TLS_IDENTITY_ENCODED_MAX + 1] = {0};
    cr_assert_null(tls_identity_decode(data, 0));
    cr_assert_null(tls_identity_decode(data, 8));
    cr_assert_null(tls_identity_decode(data, sizeof(data)));
    memset(data, 'x', sizeof(data));
    cr_assert_null(tls_identity_decode(data, 20), "no NUL at the end");
    /* Names that are longer than any field, and more of them than there are fields. */
    data[TLS_IDENTITY_ENCODED_MAX - 1] = 0;
    struct tls_identity *identity = tls_identity_decode(data, TLS_IDENTITY_ENCODED_MAX);
    struct tls_facts facts = {0};
    tls_identity_describe(identity, &facts);
    cr_assert_eq(strlen(facts.certificate_name), TLS_NAME_MAX - 1);
    tls_identity_release(identity);
    memset(data, 0, sizeof(data));
    identity = tls_identity_decode(data, 60);
    tls_identity_describe(identity, &facts);
    tls_identity_release(identity);
    struct tls_facts none = {.has_certificate = true};
    tls_identity_describe(NULL, &none);
    cr_assert_not(none.has_certificate);
}

#endif
