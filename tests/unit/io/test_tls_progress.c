/* What a thread is at is seen by another, and only what that thread was asked to report. */
#include "io/tls_progress.h"

#include "base/memory.h"
#include "io/tls_context.h"
#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct tls_progress progress;
static char path[TLS_PROGRESS_PATH_SIZE];

static void start(void)
{
    mem_init();
    tls_progress_init(&progress);
}

static void stop(void)
{
    tls_progress_report_to(NULL);
    tls_progress_deinit(&progress);
}

TestSuite(tls_progress, .init = start, .fini = stop);

Test(tls_progress, notes_the_last_one)
{
    tls_progress_note("/nobody/listens");
    cr_assert_eq(tls_progress_read(&progress, path), -1);
    cr_assert_str_eq(path, "");
    tls_progress_report_to(&progress);
    cr_assert_eq(tls_progress_read(&progress, path), -1);
    tls_progress_note("/first");
    tls_progress_note("/second");
    int64_t before = tls_progress_read(&progress, path);
    cr_assert_geq(before, 0);
    cr_assert_str_eq(path, "/second");
    while (tls_progress_read(&progress, path) < before + 3)
        continue;
    tls_progress_report_to(NULL);
    tls_progress_note("/third");
    (void)tls_progress_read(&progress, path);
    cr_assert_str_eq(path, "/second");
    tls_progress_report_to(&progress);
    tls_progress_note(NULL);
    cr_assert_eq(tls_progress_read(&progress, path), -1);
    cr_assert_str_eq(path, "");
}

Test(tls_progress, of_a_long_path_the_end_is_kept)
{
    char name[1000];
    memset(name, 'x', sizeof(name));
    memcpy(name + sizeof(name) - 5, "/end", 5);
    tls_progress_report_to(&progress);
    tls_progress_note(name);
    (void)tls_progress_read(&progress, path);
    cr_assert_eq(strlen(path), TLS_PROGRESS_PATH_SIZE - 1);
    cr_assert_str_eq(path + strlen(path) - 5, "x/end");
}

static void *read_fingerprint(void *settings)
{
    tls_progress_report_to(&progress);
    (void)tls_settings_fingerprint(settings);
    tls_progress_report_to(NULL);
    return NULL;
}

/* Each file that is named: the test holds it by a lease, the reader waits. When it has been read,
 * nothing is noted any more. */
Test(tls_progress, fingerprints_report)
{
    char file[] = "/tmp/sluice-tls-progress-XXXXXX";
    int fd = mkstemp(file);
    const struct tls_settings cases[] = {{.cert_file = file},        {.key_file = file},
                                         {.client_cert_file = file}, {.client_key_file = file},
                                         {.ca_cert_file = file},     {.crl_file = file},
                                         {.dh_params_file = file}};
    cr_assert_geq(fd, 0);
    signal(SIGIO, SIG_IGN); /* says that somebody wants the file */
    if (fcntl(fd, F_SETLEASE, F_WRLCK) != 0)
        cr_skip_test("no leases here");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        pthread_t thread;
        struct tls_settings settings = cases[i];
        cr_assert_eq(fcntl(fd, F_SETLEASE, F_WRLCK), 0);
        cr_assert_eq(pthread_create(&thread, NULL, read_fingerprint, &settings), 0);
        while (tls_progress_read(&progress, path) < 5)
            sched_yield();
        cr_assert_str_eq(path, file);
        cr_assert_eq(fcntl(fd, F_SETLEASE, F_UNLCK), 0);
        cr_assert_eq(pthread_join(thread, NULL), 0);
        cr_assert_eq(tls_progress_read(&progress, path), -1);
        cr_assert_str_eq(path, "");
    }
    close(fd);
    unlink(file);
}
