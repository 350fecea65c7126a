/* See tls_chain.h. A client's SSL keeps the chain, also of a resumed session. */
#include "io/tls_chain.h"

#include "base/text.h"

#ifdef BUILD_TLS

#include "io/tls_errors.h"
#include "io/tls_internal.h"
#include <openssl/x509v3.h>
#include <stdio.h>
#include <time.h>

static int64_t wall_seconds(const ASN1_TIME *moment)
{
    struct tm parts;
    return moment && ASN1_TIME_to_tm(moment, &parts) ? (int64_t)timegm(&parts) : 0;
}

/* What was printed into `out`, cut to the text's size; control characters become dots. */
static void take_text(BIO *out, char *text, size_t size)
{
    int length = BIO_read(out, text, (int)size - 1);
    text[length > 0 ? length : 0] = '\0';
    for (char *at = text; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 127)
            *at = '.';
}

static void describe_name(const X509_NAME *name, char *text, size_t size)
{
    BIO *out = BIO_new(BIO_s_mem());
    text[0] = '\0';
    if (!out)
        return;
    X509_NAME_print_ex(out, name, 0, XN_FLAG_ONELINE & ~XN_FLAG_SPC_EQ & ~ASN1_STRFLGS_ESC_MSB);
    take_text(out, text, size);
    BIO_free(out);
}

static void describe_names(const X509 *certificate, char *text, size_t size)
{
    text[0] = '\0';
    int index = X509_get_ext_by_NID(certificate, NID_subject_alt_name, -1);
    BIO *out = index >= 0 ? BIO_new(BIO_s_mem()) : NULL;
    if (!out)
        return;
    X509V3_EXT_print(out, X509_get_ext(certificate, index), 0, 0);
    take_text(out, text, size);
    BIO_free(out);
}

static void describe(X509 *certificate, struct tls_chain_link *link)
{
    describe_name(X509_get_subject_name(certificate), link->subject, sizeof(link->subject));
    describe_name(X509_get_issuer_name(certificate), link->issuer, sizeof(link->issuer));
    describe_names(certificate, link->names, sizeof(link->names));
    link->begins_wall_s = wall_seconds(X509_get0_notBefore(certificate));
    link->expires_wall_s = wall_seconds(X509_get0_notAfter(certificate));
    const EVP_PKEY *key = X509_get0_pubkey(certificate);
    const char *type = key ? EVP_PKEY_get0_type_name(key) : NULL;
    (void)snprintf(link->key, sizeof(link->key), "%s, %d bits", type ? type : "unknown",
                   key ? EVP_PKEY_get_bits(key) : 0);
}

int tls_chain_describe(const struct transport *transport, struct tls_chain_link *links,
                       int links_max, char *verdict, size_t verdict_size)
{
    text_copy(verdict, verdict_size, "");
    if (strcmp(transport->ops->name, "tls") != 0)
        return 0;
    const struct transport_tls *self = (const struct transport_tls *)(const void *)transport;
    long result = SSL_get_verify_result(self->ssl);
    text_copy(verdict, verdict_size, X509_verify_cert_error_string(result));
    STACK_OF(X509) *chain = SSL_get0_verified_chain(self->ssl);
    if (!chain || sk_X509_num(chain) == 0)
        chain = SSL_get_peer_cert_chain(self->ssl);
    int count = 0;
    for (; chain && count < sk_X509_num(chain) && count < links_max; count++)
        describe(sk_X509_value(chain, count), &links[count]);
    tls_errors_clear();
    return count;
}

#else

int tls_chain_describe(const struct transport *transport, struct tls_chain_link *links,
                       int links_max, char *verdict, size_t verdict_size)
{
    (void)transport;
    (void)links;
    (void)links_max;
    text_copy(verdict, verdict_size, "");
    return 0;
}

#endif
