/* --pipe: protocol from standard input goes to the server as it is; replies are counted. The end is
 * known by an ECHO of a random word sent behind the last byte. */
#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"
#include "io/loop.h"
#include "tools/cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_SIZE = 64 * 1024, MAGIC_SIZE = 20, TURN_US = 250 * 1000 };

struct pipe_run {
    struct cli *cli;
    struct loop_watch watch;
    bool is_file; /* always readable; cannot be watched */
    bool has_input;
    bool is_input_over;
    bool is_complete; /* the last reply came */
    bool has_failed;
    int64_t last_reply_us;
    unsigned long long errors;
    unsigned long long replies;
    char magic[MAGIC_SIZE + 1];
    char *chunk;
};

static void on_input(struct loop_watch *watch)
{
    struct pipe_run *run =
        (struct pipe_run *)(void *)((char *)watch - offsetof(struct pipe_run, watch));
    run->has_input = true;
    loop_watch_stop(sync_client_loop(run->cli->client), watch);
}

static void fail(struct pipe_run *run, const char *what, const char *reason)
{
    fprintf(stderr, "%s: %s\n", what, reason);
    run->has_failed = true;
}

static void send_bytes(struct pipe_run *run, const char *data, size_t size)
{
    if (sync_client_write(run->cli->client, data, size) != 0)
        fail(run, "Error writing to the server", sync_client_error(run->cli->client));
}

/* An unfinished line of the input is ended first. */
static void end_input(struct pipe_run *run)
{
    char echo[64];
    random_hex(run->magic, MAGIC_SIZE);
    int size = snprintf(echo, sizeof(echo), "\r\n*2\r\n$4\r\nECHO\r\n$%d\r\n%s\r\n", MAGIC_SIZE,
                        run->magic);
    run->is_input_over = true;
    run->last_reply_us = clock_read_us();
    send_bytes(run, echo, (size_t)size);
    printf("All data transferred. Waiting for the last reply...\n");
    fflush(stdout);
}

static void read_input(struct pipe_run *run)
{
    ssize_t size = read(STDIN_FILENO, run->chunk, READ_SIZE);
    run->has_input = false;
    if (size > 0)
        send_bytes(run, run->chunk, (size_t)size);
    else if (size == 0)
        end_input(run);
    else if (errno != EINTR && errno != EAGAIN)
        fail(run, "Error reading from stdin", strerrordesc_np(errno));
}

/* Reads on while the server keeps up. */
static void feed(struct pipe_run *run)
{
    struct sync_client *client = run->cli->client;
    while (!run->is_input_over && !run->has_failed &&
           sync_client_unsent(client) < SYNC_UNSENT_LOW && (run->is_file || run->has_input)) {
        read_input(run);
        sync_client_turn(client, 0);
    }
    bool wants_input = !run->is_input_over && !run->is_file && !run->watch.is_active &&
                       sync_client_unsent(client) < SYNC_UNSENT_LOW;
    if (wants_input && !run->has_failed &&
        loop_watch_start(sync_client_loop(client), &run->watch, STDIN_FILENO, on_input) != 0)
        run->is_file = true;
}

static void count(struct pipe_run *run, const struct reply_value *reply)
{
    struct bytes magic = bytes_of(run->magic, MAGIC_SIZE);
    if (reply->type == REPLY_PUSH || reply->type == REPLY_ATTRIBUTE)
        return;
    if (run->is_input_over && reply->type == REPLY_STRING && bytes_equal(reply->text, magic)) {
        printf("Last reply received from server.\n");
        run->is_complete = true;
        return;
    }
    if (reply->type == REPLY_ERROR) {
        fprintf(stderr, "%s\n", reply->text.data);
        run->errors++;
    }
    run->replies++;
}

static void take_replies(struct pipe_run *run)
{
    struct reply_value *reply;
    enum sync_result result = sync_client_take(run->cli->client, &reply);
    for (; result == SYNC_REPLY; result = sync_client_take(run->cli->client, &reply)) {
        run->last_reply_us = clock_read_us();
        count(run, reply);
        reply_value_free(reply);
    }
    if (result == SYNC_FAILED && !run->is_complete)
        fail(run, "Error reading replies from server", sync_client_error(run->cli->client));
}

static bool is_out_of_patience(struct pipe_run *run)
{
    int64_t patience_s = run->cli->options.pipe_timeout_s;
    int64_t waited_us = clock_read_us() - run->last_reply_us;
    if (!run->is_input_over || patience_s == 0 || waited_us < patience_s * 1000 * 1000)
        return false;
    fprintf(stderr, "No replies for %d seconds: exiting.\n", (int)patience_s);
    run->errors++;
    return true;
}

int pipe_mode(struct cli *cli)
{
    struct stat status;
    cli_require_connection(cli);
    struct pipe_run run = {.cli = cli, .chunk = mem_alloc(READ_SIZE)};
    run.is_file = fstat(STDIN_FILENO, &status) == 0 && S_ISREG(status.st_mode);
    while (!run.is_complete && !run.has_failed) {
        feed(&run);
        take_replies(&run);
        if (run.is_complete || run.has_failed || is_out_of_patience(&run))
            break;
        sync_client_turn(cli->client, TURN_US);
    }
    if (run.watch.is_active)
        loop_watch_stop(sync_client_loop(cli->client), &run.watch);
    mem_free(run.chunk);
    printf("errors: %llu, replies: %llu\n", run.errors, run.replies);
    return run.errors > 0 || run.has_failed ? 1 : 0;
}
