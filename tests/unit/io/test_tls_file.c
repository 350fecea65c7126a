/* PEM files: read whole, wiped, and never waited for. */
#ifdef BUILD_TLS
#include "tls_pair.h"

#include "base/file.h"
#include "io/tls_errors.h"
#include "io/tls_file.h"
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];
static char path[96];

static void start(void)
{
    tls_test_begin();
    (void)snprintf(folder, sizeof(folder), "/tmp/sluice-tls-file-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/data", folder);
    alarm(20);
}

static void stop(void)
{
    unlink(path);
    cr_assert_eq(rmdir(folder), 0);
}

TestSuite(tls_file, .init = start, .fini = stop);

static void write_data(size_t size)
{
    char *data = calloc(1, size + 1);
    memset(data, 'x', size);
    cr_assert_eq(file_write_atomic(path, data, size, 0600), 0);
    free(data);
}

static void check_refused(const char *name, bool takes_pipe, const char *reason)
{
    struct tls_file file;
    char text[160];
    cr_assert_eq(tls_file_open(&file, name, takes_pipe), -1);
    tls_errors_take(text, sizeof(text));
    cr_assert_str_eq(text, reason);
}

Test(tls_file, is_read_whole)
{
    static const size_t sizes[] = {0, 1, 70000, TLS_FILE_SIZE_MAX};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct tls_file file;
        write_data(sizes[i]);
        cr_assert_eq(tls_file_open(&file, path, i & 1), 0);
        cr_assert_eq(BIO_pending(file.bio), (long)sizes[i]);
        tls_file_close(&file);
    }
}

Test(tls_file, says_why_not)
{
    check_refused("/nonexistent/file", false, "No such file or directory");
    check_refused(folder, false, "Is a directory");
    check_refused("/dev/null", false, "not a regular file");
    write_data(TLS_FILE_SIZE_MAX + 1);
    check_refused(path, false, "File too large");
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(mkfifo(path, 0600), 0);
    check_refused(path, false, "not a regular file");
}

static struct tls_context *context_of(struct tls_settings *settings, char *error)
{
    struct tls_tickets *tickets = tls_tickets_create();
    struct tls_context *context = tls_context_create(settings, tickets, true, error, 256);
    tls_context_release(context);
    tls_tickets_destroy(tickets);
    return context;
}

/* Each directive that names a file is refused a pipe, with its own words. */
Test(tls_file, no_directive_waits_for_a_pipe)
{
    char *const crt = (char *)CERTIFICATES "server.crt";
    char *const key = (char *)CERTIFICATES "server.key";
    char *const ca = (char *)CERTIFICATES "ca.crt";
    cr_assert_eq(mkfifo(path, 0600), 0);
    const struct {
        struct tls_settings settings;
        const char *text;
    } cases[] = {
        {{.cert_file = path, .key_file = key, .ca_cert_file = ca}, "Failed to load certificate"},
        {{.cert_file = crt, .key_file = path, .ca_cert_file = ca}, "Failed to load private key"},
        {{.cert_file = crt, .key_file = key, .ca_cert_file = path},
         "Failed to configure CA certificate(s) file/directory"},
        {{.cert_file = crt, .key_file = key, .ca_cert_file = ca, .crl_file = path},
         "Failed to load tls-crl-file"},
        {{.cert_file = crt, .key_file = key, .ca_cert_file = ca, .dh_params_file = path},
         "Failed to load"},
        {{.cert_file = crt,
          .key_file = key,
          .ca_cert_file = ca,
          .client_cert_file = path,
          .client_key_file = key},
         "Failed to load certificate"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char error[256] = "";
        char wanted[256];
        struct tls_settings settings = cases[i].settings;
        (void)tls_settings_fingerprint(&settings);
        cr_assert_null(context_of(&settings, error));
        (void)snprintf(wanted, sizeof(wanted), "%s%s %s: not a regular file", cases[i].text,
                       settings.dh_params_file ? "" : ":", path);
        cr_assert_str_eq(error, wanted);
    }
    /* In a folder of certificates it is passed over. */
    char error[256] = "";
    struct tls_settings settings = {.cert_file = crt, .key_file = key, .ca_cert_dir = folder};
    cr_assert_not_null(context_of(&settings, error), "%s", error);
    /* A key log may be a pipe, but only with a reader. */
    settings.keylog_file = path;
    cr_assert_null(context_of(&settings, error));
    cr_assert_not_null(strstr(error, "No such device or address"));
}
#endif
