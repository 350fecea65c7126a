/* Copies and fingerprints of the TLS settings. */
#include "base/hash.h"
#include "base/memory.h"
#include "io/tls_context.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[64];
static char file[96];

static void begin(void)
{
    mem_init();
    hash_init();
    (void)snprintf(folder, sizeof(folder), "/tmp/sluice-settings-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    (void)snprintf(file, sizeof(file), "%s/ca.crt", folder);
}

static void finish(void)
{
    char command[160];
    (void)snprintf(command, sizeof(command), "rm -rf %s", folder);
    cr_assert_eq(system(command), 0);
}

TestSuite(tls_settings, .init = begin, .fini = finish);

static void write_text(const char *path, const char *text)
{
    FILE *stream = fopen(path, "w");
    cr_assert_not_null(stream);
    (void)fputs(text, stream);
    (void)fclose(stream);
}

Test(tls_settings, a_clone_is_deep)
{
    char passphrase[] = "secret";
    struct tls_settings settings = {.port = 6379, .key_file_pass = passphrase, .cluster = true};
    struct tls_settings *clone = tls_settings_clone(&settings);
    passphrase[0] = 'X';
    cr_assert_eq(clone->port, 6379);
    cr_assert(clone->cluster);
    cr_assert_str_eq(clone->key_file_pass, "secret");
    cr_assert_null(clone->cert_file);
    tls_settings_free(clone);
    tls_settings_free(NULL);
}

/* The second certificate of a bundle counts as the first does. */
Test(tls_settings, a_fingerprint_covers_whole_files)
{
    struct tls_settings settings = {.ca_cert_file = file};
    uint64_t absent = tls_settings_fingerprint(&settings);
    write_text(file, "one\ntwo\n");
    uint64_t first = tls_settings_fingerprint(&settings);
    uint64_t trust = tls_settings_trust_fingerprint(&settings);
    cr_assert_neq(absent, first);
    cr_assert_eq(first, tls_settings_fingerprint(&settings));
    write_text(file, "one\nTWO\n");
    cr_assert_neq(first, tls_settings_fingerprint(&settings));
    cr_assert_neq(trust, tls_settings_trust_fingerprint(&settings));
    write_text(file, "one\ntwo\n");
    cr_assert_eq(first, tls_settings_fingerprint(&settings), "only content matters");
}

Test(tls_settings, a_fingerprint_covers_folders)
{
    struct tls_settings settings = {.ca_cert_dir = folder};
    write_text(file, "one");
    uint64_t first = tls_settings_trust_fingerprint(&settings);
    char other[96];
    (void)snprintf(other, sizeof(other), "%s/other.pem", folder);
    write_text(other, "two");
    uint64_t second = tls_settings_trust_fingerprint(&settings);
    cr_assert_neq(first, second);
    write_text(other, "three");
    cr_assert_neq(second, tls_settings_trust_fingerprint(&settings));
    (void)unlink(other);
    cr_assert_eq(first, tls_settings_trust_fingerprint(&settings));
}

Test(tls_settings, keys_are_no_trust)
{
    struct tls_settings settings = {.key_file = file};
    write_text(file, "one");
    uint64_t all = tls_settings_fingerprint(&settings);
    uint64_t trust = tls_settings_trust_fingerprint(&settings);
    write_text(file, "two");
    cr_assert_neq(all, tls_settings_fingerprint(&settings));
    cr_assert_eq(trust, tls_settings_trust_fingerprint(&settings));
}
