/* Reads the error queue. The oldest error is where the failure began, so it gives the text; alerts
 * that the peer sent lose the decoration that OpenSSL's texts carry ("sslv3 alert ..."). */
#include "io/tls_errors.h"

#include "base/text.h"
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <string.h>

void tls_errors_clear(void)
{
    if (ERR_peek_error())
        ERR_clear_error();
}

static const char *reason_text(unsigned long code)
{
    const char *text = ERR_SYSTEM_ERROR(code) ? strerrordesc_np(ERR_GET_REASON(code))
                                              : ERR_reason_error_string(code);
    return text ? text : "unknown reason";
}

void tls_errors_take(char *text, size_t size)
{
    const char *data = NULL;
    int flags = 0;
    unsigned long code = ERR_get_error_all(NULL, NULL, NULL, &data, &flags);
    if (!code)
        text_copy(text, size, "unknown reason");
    else if (ERR_GET_LIB(code) == ERR_LIB_X509 && (flags & ERR_TXT_STRING) && data && *data)
        (void)snprintf(text, size, "%s (%s)", reason_text(code), data);
    else if (ERR_GET_LIB(code) == ERR_LIB_USER && (flags & ERR_TXT_STRING) && data && *data)
        text_copy(text, size, data); /* our own */
    else
        text_copy(text, size, reason_text(code));
    ERR_clear_error();
}

enum handshake_failure tls_errors_of_certificate(long verify_result)
{
    switch (verify_result) {
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
    case X509_V_ERR_CERT_UNTRUSTED:
    case X509_V_ERR_CERT_CHAIN_TOO_LONG:
    case X509_V_ERR_INVALID_CA:
        return HANDSHAKE_UNKNOWN_CA;
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return HANDSHAKE_EXPIRED;
    case X509_V_ERR_CERT_REVOKED:
    case X509_V_ERR_UNABLE_TO_GET_CRL:
    case X509_V_ERR_CRL_HAS_EXPIRED:
    case X509_V_ERR_CRL_NOT_YET_VALID:
        return HANDSHAKE_REVOKED;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
    case X509_V_ERR_EMAIL_MISMATCH:
        return HANDSHAKE_NAME_MISMATCH;
    default:
        return HANDSHAKE_OTHER;
    }
}

static enum handshake_failure class_of_reason(int reason)
{
    switch (reason) {
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_UNKNOWN_PROTOCOL:
    case SSL_R_NO_PROTOCOLS_AVAILABLE:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_VERSION_TOO_HIGH:
    case SSL_R_WRONG_SSL_VERSION:
    case SSL_R_INAPPROPRIATE_FALLBACK:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
    case SSL_R_TLSV1_ALERT_INAPPROPRIATE_FALLBACK:
        return HANDSHAKE_NO_SHARED_PROTOCOL;
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_CIPHERS_AVAILABLE:
    case SSL_R_NO_SHARED_GROUPS:
    case SSL_R_NO_SUITABLE_GROUPS:
    case SSL_R_NO_SUITABLE_KEY_SHARE:
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
    case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS:
    case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
    case SSL_R_TLSV1_ALERT_INSUFFICIENT_SECURITY:
        return HANDSHAKE_NO_SHARED_CIPHER;
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
    case SSL_R_SSLV3_ALERT_NO_CERTIFICATE:
        return HANDSHAKE_NO_CERTIFICATE;
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
        return HANDSHAKE_UNKNOWN_CA;
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
        return HANDSHAKE_EXPIRED;
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
        return HANDSHAKE_REVOKED;
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
    case SSL_R_WRONG_VERSION_NUMBER:
        return HANDSHAKE_PLAINTEXT;
    case SSL_R_UNEXPECTED_EOF_WHILE_READING:
        return HANDSHAKE_RESET;
    default:
        return HANDSHAKE_OTHER;
    }
}

static const char *without_prefix(const char *text)
{
    static const char *const prefixes[] = {"sslv3 alert ", "tlsv1 alert ", "tlsv13 alert ",
                                           "tlsv1 ", "ssl/tls alert "};
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        size_t size = strlen(prefixes[i]);
        if (strncmp(text, prefixes[i], size) == 0)
            return text + size;
    }
    return text;
}

enum handshake_failure tls_errors_classify(long verify_result, char *text, size_t size)
{
    unsigned long code = ERR_peek_error();
    while (code && ERR_GET_LIB(code) != ERR_LIB_SSL) { /* what SSL says of it tells more */
        unsigned long last = ERR_peek_last_error();
        if (ERR_GET_LIB(last) != ERR_LIB_SSL)
            break;
        ERR_get_error();
        code = ERR_peek_error();
    }
    enum handshake_failure class = HANDSHAKE_OTHER;
    if (!code) {
        text_copy(text, size, "unknown reason");
    } else if (ERR_GET_LIB(code) != ERR_LIB_SSL) {
        text_copy(text, size, reason_text(code));
    } else if (ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED) {
        class = tls_errors_of_certificate(verify_result);
        (void)snprintf(text, size, "certificate verify failed: %s",
                       X509_verify_cert_error_string(verify_result));
    } else {
        class = class_of_reason(ERR_GET_REASON(code));
        text_copy(text, size, without_prefix(reason_text(code)));
    }
    ERR_clear_error();
    return class;
}
