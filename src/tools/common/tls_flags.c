/* See tls_flags.h. */
#include "tools/common/tls_flags.h"

#include "base/bytes.h"
#include "io/address.h"
#include <stdio.h>
#include <string.h>

struct flag {
    const char *name;
    size_t offset; /* of the const char * in struct tls_flags */
};

#define SETTING(name, field)                                                                       \
    {                                                                                              \
        name, offsetof(struct tls_flags, field)                                                    \
    }

static const struct flag flags_with_value[] = {
    SETTING("--sni", server_name),
    SETTING("--cacert", settings.ca_cert_file),
    SETTING("--cacertdir", settings.ca_cert_dir),
    SETTING("--cert", settings.cert_file),
    SETTING("--key", settings.key_file),
    SETTING("--tls-ciphers", settings.ciphers),
    SETTING("--tls-ciphersuites", settings.ciphersuites),
    SETTING("--tls-groups", settings.groups),
};

int tls_flags_take(struct tls_flags *flags, int argc, char **argv, int index)
{
    const char *name = argv[index];
    if (strcmp(name, "--tls") == 0) {
        flags->is_enabled = true;
        return 1;
    }
    if (strcmp(name, "--insecure") == 0) {
        flags->settings.is_insecure = true;
        return 1;
    }
    for (size_t i = 0; i < sizeof(flags_with_value) / sizeof(flags_with_value[0]); i++) {
        if (strcmp(name, flags_with_value[i].name) != 0)
            continue;
        if (index + 1 >= argc)
            return -1;
        const char *value = argv[index + 1];
        memcpy((char *)flags + flags_with_value[i].offset, &value, sizeof(value));
        return 2;
    }
    return 0;
}

const char *tls_flags_server_name(const struct tls_flags *flags, const char *host)
{
    if (flags->server_name)
        return flags->server_name;
    struct address address;
    bool is_name = host && host[0] && address_parse(host, 1, &address) != 0;
    return is_name ? host : NULL;
}

struct tls_context *tls_flags_create_context(const struct tls_flags *flags, char *error,
                                             size_t error_size)
{
    if (!tls_is_supported()) {
        snprintf(error, error_size, "this program was built without TLS");
        return NULL;
    }
    return tls_context_create_client(&flags->settings, error, error_size);
}

const char *tls_flags_help(void)
{
    return " --tls              Establish a secure TLS connection.\n"
           " --sni <host>       Server name indication for TLS (default: the host name).\n"
           " --cacert <file>    CA Certificate file to verify with.\n"
           " --cacertdir <dir>  Directory where trusted CA certificates are stored.\n"
           "                    If neither cacert nor cacertdir are specified, the default\n"
           "                    system-wide trusted root certs configuration will apply.\n"
           " --insecure         Allow insecure TLS connection by skipping cert validation.\n"
           " --cert <file>      Client certificate to authenticate with.\n"
           " --key <file>       Private key file to authenticate with.\n"
           " --tls-ciphers <list> Cipher preference for TLSv1.2 and below, highest first,\n"
           "                    separated by colons; see ciphers(1ssl).\n"
           " --tls-ciphersuites <list> Cipher suite preference for TLSv1.3, likewise.\n"
           " --tls-groups <list> Key exchange groups, highest preference first,\n"
           "                    separated by colons.\n";
}
