/* What is advised for the reasons that src/io gives. */
#include "tools/common/tls_advice.c"

#include <criterion/criterion.h>

static void check(const char *reason, const char *part)
{
    const char *advice = tls_advice(reason);
    cr_assert_not_null(advice, "%s", reason);
    cr_assert_not_null(strstr(advice, part), "%s: %s", reason, advice);
}

Test(tls_advice, of_verification)
{
    check("TLS handshake failed: certificate verify failed: unable to get local issuer certificate",
          "--cacert");
    check("TLS handshake failed: certificate verify failed: self-signed certificate", "--cacert");
    check("TLS handshake failed: certificate verify failed: certificate has expired", "is over");
    check("TLS handshake failed: certificate verify failed: certificate is not yet valid", "clock");
    check("TLS handshake failed: certificate verify failed: hostname mismatch", "--sni");
    check("TLS handshake failed: certificate verify failed: Hostname mismatch", "--sni");
    check("TLS handshake failed: certificate verify failed: IP address mismatch", "address");
    check("TLS handshake failed: certificate verify failed: certificate revoked", "revoked");
}

Test(tls_advice, of_alerts_and_other_ends)
{
    check("TLS error: certificate required", "--cert");
    check("TLS error: unknown ca", "does not trust");
    check("TLS error: certificate expired", "client certificate has expired");
    check("TLS handshake failed: protocol version", "TLS 1.2 and 1.3");
    check("TLS handshake failed: unsupported protocol", "TLS 1.2 and 1.3");
    check("TLS handshake failed: handshake failure", "--tls-groups");
    check("TLS handshake failed: wrong version number (the peer does not speak TLS)", "plaintext");
    check("TLS handshake timed out", "plaintext");
    check("TLS handshake failed: the peer closed the connection", "plaintext");
}

Test(tls_advice, none_for_the_rest)
{
    cr_assert_null(tls_advice("Connection refused"));
    cr_assert_null(tls_advice("Connecting timed out"));
    cr_assert_null(tls_advice("TLS handshake failed: something new"));
    cr_assert_null(tls_advice(""));
}
