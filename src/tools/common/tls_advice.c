/* See tls_advice.h. The reasons are OpenSSL's texts, as src/io passes them on; an alert is what the
 * server found wrong, the others are what was found here. */
#include "tools/common/tls_advice.h"

#include <stddef.h>
#include <string.h>

struct row {
    const char *part; /* of the reason */
    const char *advice;
};

/* The first that fits is taken. */
static const struct row verification[] = {
    {"certificate has expired", "the validity of the server's certificate is over; --tls-info "
                                "--insecure shows its dates"},
    {"not yet valid", "the server's certificate is not valid yet, or this machine's clock is slow"},
    {"ostname mismatch", "the server's certificate does not carry the name that was asked for with "
                         "--tls-verify-host; --sni gives another name"},
    {"IP address mismatch", "the server's certificate does not carry the address that was asked "
                            "for with --tls-verify-host; --sni gives a name"},
    {"certificate revoked", "the server's certificate was revoked"},
    {"unsuitable certificate purpose", "the server's certificate is not made for servers"},
    {"", "the authority behind the server's certificate is not trusted here; give it with --cacert "
         "or --cacertdir"},
};

static const struct row others[] = {
    {"certificate required", "the server asks for a client certificate; give one with --cert and "
                             "--key"},
    {"did not return a certificate", "the server asks for a client certificate; give one with "
                                     "--cert and --key"},
    {"unknown ca", "the server does not trust the authority of this client's certificate (--cert)"},
    {"certificate expired", "the server finds that the client certificate has expired (--cert)"},
    {"certificate revoked", "the server finds that the client certificate was revoked (--cert)"},
    {"bad certificate", "the server refuses this client's certificate (--cert)"},
    {"unsupported certificate", "the server refuses this client's certificate (--cert)"},
    {"certificate unknown", "the server refuses this client's certificate (--cert)"},
    {"protocol version", "no TLS version in common: this client speaks TLS 1.2 and 1.3"},
    {"unsupported protocol", "no TLS version in common: this client speaks TLS 1.2 and 1.3"},
    {"version too low", "no TLS version in common: this client speaks TLS 1.2 and 1.3"},
    {"no protocols available", "no TLS version in common: this client speaks TLS 1.2 and 1.3"},
    {"unrecognized name", "the server knows no such name; --sni gives another"},
    {"handshake failure", "no cipher or group in common (--tls-ciphers, --tls-ciphersuites, "
                          "--tls-groups), or the server asks for a client certificate (--cert, "
                          "--key)"},
    {"wrong version number", "is it a plaintext port? Without --tls it may answer"},
    {"timed out", "is it a plaintext port? Without --tls it may answer"},
    {"the peer closed the connection", "is it a plaintext port? Without --tls it may answer"},
};

static const char *find(const struct row *rows, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++)
        if (strstr(text, rows[i].part))
            return rows[i].advice;
    return NULL;
}

const char *tls_advice(const char *reason)
{
    if (strncmp(reason, "TLS ", 4) != 0)
        return NULL;
    const char *verify = strstr(reason, "certificate verify failed: ");
    if (verify)
        return find(verification, sizeof(verification) / sizeof(verification[0]), verify);
    return find(others, sizeof(others) / sizeof(others[0]), reason);
}
