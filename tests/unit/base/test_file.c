/* Files in a temporary folder: whole reads, atomic replacement, errors. */
#include "base/file.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[64];
static char path[96];

static void start(void)
{
    snprintf(folder, sizeof folder, "/tmp/sluice-file-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/data", folder);
}

static void stop(void)
{
    unlink(path);
    cr_assert_eq(rmdir(folder), 0, "something was left behind");
}

TestSuite(file, .init = start, .fini = stop);

Test(file, writes_and_reads_back)
{
    size_t size = 300 * 1000;
    char *data = malloc(size);
    for (size_t i = 0; i < size; i++)
        data[i] = (char)(i * 7 + i / 251);
    cr_assert_eq(file_write_atomic(path, data, size, 0640), 0);
    struct stat facts;
    cr_assert_eq(stat(path, &facts), 0);
    cr_assert_eq(facts.st_mode & 07777, 0640);
    struct buffer out;
    buffer_init(&out, 1 << 20);
    buffer_append_text(&out, "head");
    cr_assert_eq(file_read(path, &out), 0);
    cr_assert_eq(out.size, size + 4);
    cr_assert_eq(memcmp(out.data, "head", 4), 0);
    cr_assert_eq(memcmp(out.data + 4, data, size), 0);
    buffer_deinit(&out);
    free(data);
}

Test(file, replacement_keeps_the_mode)
{
    cr_assert_eq(file_write_atomic(path, "old", 3, 0644), 0);
    cr_assert_eq(chmod(path, 0600), 0);
    cr_assert_eq(file_write_atomic(path, "newer", 5, 0644), 0);
    struct stat facts;
    cr_assert_eq(stat(path, &facts), 0);
    cr_assert_eq(facts.st_mode & 07777, 0600);
    cr_assert_eq(facts.st_size, 5);
}

Test(file, size_at_and_past_the_maximum)
{
    cr_assert_eq(file_write_atomic(path, "12345", 5, 0600), 0);
    struct buffer out;
    buffer_init(&out, 5);
    cr_assert_eq(file_read(path, &out), 0);
    cr_assert_str_eq(out.data, "12345");
    buffer_deinit(&out);
    buffer_init(&out, 6);
    buffer_append_text(&out, "ab");
    cr_assert_eq(file_read(path, &out), -EFBIG);
    cr_assert_str_eq(out.data, "ab");
    buffer_deinit(&out);
}

Test(file, empty_file)
{
    cr_assert_eq(file_write_atomic(path, "", 0, 0600), 0);
    struct buffer out;
    buffer_init(&out, 5);
    cr_assert_eq(file_read(path, &out), 0);
    cr_assert_str_eq(out.data, "");
    buffer_deinit(&out);
}

Test(file, only_regular_files)
{
    struct buffer out;
    buffer_init(&out, 100);
    cr_assert_eq(file_write_atomic(path, "12345", 5, 0600), 0);
    cr_assert_eq(file_read_regular(path, &out), 0);
    cr_assert_str_eq(out.data, "12345");
    cr_assert_eq(file_read_regular(folder, &out), -EISDIR);
    cr_assert_eq(file_read_regular("/dev/null", &out), -EINVAL);
    cr_assert_eq(file_read_regular("/nonexistent/file", &out), -ENOENT);
    /* A pipe that nobody writes into does not make it wait. */
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(mkfifo(path, 0600), 0);
    alarm(5);
    cr_assert_eq(file_read_regular(path, &out), -EINVAL);
    alarm(0);
    cr_assert_str_eq(out.data, "12345");
    buffer_deinit(&out);
}

/* Whoever holds a lease is asked to give it up, and the reader waits that long. */
Test(file, a_lease_is_waited_for)
{
    cr_assert_eq(file_write_atomic(path, "12345", 5, 0600), 0);
    int ready[2];
    cr_assert_eq(pipe(ready), 0);
    pid_t holder = fork();
    if (holder == 0) {
        sigset_t asked;
        int number;
        sigemptyset(&asked);
        sigaddset(&asked, SIGIO);
        sigprocmask(SIG_BLOCK, &asked, NULL);
        int fd = open(path, O_RDONLY);
        bool is_held = fcntl(fd, F_SETLEASE, F_WRLCK) == 0;
        (void)!write(ready[1], is_held ? "1" : "0", 1);
        if (is_held)
            sigwait(&asked, &number); /* until somebody opens the file */
        (void)fcntl(fd, F_SETLEASE, F_UNLCK);
        _exit(0);
    }
    char is_held = '0';
    cr_assert_eq(read(ready[0], &is_held, 1), 1);
    struct buffer out;
    buffer_init(&out, 100);
    alarm(5);
    cr_assert_eq(file_read_regular(path, &out), 0);
    alarm(0);
    cr_assert_str_eq(out.data, "12345");
    cr_assert_eq(waitpid(holder, NULL, 0), holder);
    buffer_deinit(&out);
    if (is_held != '1')
        cr_skip("leases are not supported here");
}

Test(file, errors_are_told)
{
    struct buffer out;
    buffer_init(&out, 100);
    cr_assert_eq(file_read(path, &out), -ENOENT);
    cr_assert_eq(file_read(folder, &out), -EISDIR);
    buffer_deinit(&out);
    cr_assert_eq(file_write_atomic("/nonexistent/file", "x", 1, 0600), -ENOENT);
    char *long_path = malloc(5000);
    memset(long_path, 'x', 4999);
    long_path[4999] = '\0';
    cr_assert_eq(file_write_atomic(long_path, "x", 1, 0600), -ENAMETOOLONG);
    free(long_path);
    cr_assert_eq(file_write_all(-1, "x", 1), -EBADF);
    cr_assert_eq(file_sync_folder_of("/nonexistent/x"), -ENOENT);
}

Test(file, failed_replacement_leaves_nothing)
{
    /* A folder cannot be replaced by a file. */
    cr_assert_eq(mkdir(path, 0700), 0);
    cr_assert_eq(file_write_atomic(path, "x", 1, 0600), -EISDIR);
    cr_assert_eq(rmdir(path), 0);
}

Test(file, syncs_folders)
{
    cr_assert_eq(file_sync_folder_of(path), 0);
    cr_assert_eq(file_sync_folder_of("/x"), 0);
    cr_assert_eq(chdir(folder), 0);
    cr_assert_eq(file_sync_folder_of("relative"), 0);
    cr_assert_eq(file_write_atomic("data", "x", 1, 0600), 0);
    cr_assert_eq(access(path, F_OK), 0);
}

enum { PIPED = 1000000 };

static void *drain(void *argument)
{
    int fd = *(int *)argument;
    static char data[4096];
    size_t total = 0;
    ssize_t got;
    while ((got = read(fd, data, sizeof data)) > 0)
        total += (size_t)got;
    return (void *)total;
}

Test(file, write_all_goes_on_after_short_writes)
{
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    pthread_t thread;
    pthread_create(&thread, NULL, drain, &ends[0]);
    char *data = calloc(1, PIPED);
    cr_assert_eq(file_write_all(ends[1], data, PIPED), 0);
    close(ends[1]);
    void *total;
    pthread_join(thread, &total);
    cr_assert_eq((size_t)total, PIPED);
    close(ends[0]);
    free(data);
}
