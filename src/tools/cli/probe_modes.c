/* What can be told of a server by connecting to it: --health for probes, --tls-info for people. */
#include "base/clock.h"
#include "tools/cli/cli.h"

#include <stdio.h>
#include <time.h>

/* -- --health -- */

enum { HEALTH_TIMEOUT_MS = 5000, NOT_SERVING = 1, NOT_READY = 2 };

/* It lives, but keys cannot be had yet or now. */
static bool is_passing(struct bytes error)
{
    static const char *const words[] = {"LOADING ", "MASTERDOWN ", "BUSY ", "CLUSTERDOWN "};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (error.size > strlen(words[i]) && strncmp(error.data, words[i], strlen(words[i])) == 0)
            return true;
    return false;
}

static int judge_ping(const struct reply_value *reply, int64_t elapsed_us)
{
    if (reply->type == REPLY_ERROR) {
        bool is_soon = is_passing(reply->text);
        fprintf(stderr, "%s: %s\n", is_soon ? "not ready" : "not serving", reply->text.data);
        return is_soon ? NOT_READY : NOT_SERVING;
    }
    printf("healthy: PONG in %.1f ms\n", (double)elapsed_us / 1000);
    return 0;
}

int health_mode(struct cli *cli)
{
    if (cli->options.timeout_s <= 0)
        cli->options.timeout_s = (double)HEALTH_TIMEOUT_MS / 1000;
    int64_t timeout_ms = (int64_t)(cli->options.timeout_s * 1000);
    int64_t start_us = clock_read_us();
    const struct bytes ping[] = {BYTES_LITERAL("PING")};
    if (cli_connect(cli) != 0 || cli->is_refused)
        return NOT_SERVING; /* why was said */
    struct reply_value *reply;
    enum sync_result result = SYNC_FAILED;
    if (sync_client_send(cli->client, 1, ping) == 0)
        result = sync_client_read(cli->client, timeout_ms, -1, &reply);
    if (result == SYNC_TIMEOUT) {
        fprintf(stderr, "not serving: no reply to PING within %g s\n", cli->options.timeout_s);
        return NOT_SERVING;
    }
    if (result != SYNC_REPLY) {
        cli_print_error(cli);
        return NOT_SERVING;
    }
    int code = judge_ping(reply, clock_read_us() - start_us);
    reply_value_free(reply);
    return code;
}

/* -- --tls-info -- */

static void format_day(int64_t wall_s, char *text, size_t size)
{
    time_t moment = (time_t)wall_s;
    struct tm parts;
    if (wall_s == 0 || !gmtime_r(&moment, &parts) ||
        strftime(text, size, "%Y-%m-%d %H:%M:%S UTC", &parts) == 0)
        snprintf(text, size, "unknown");
}

static void print_expiry(const struct tls_chain_link *link)
{
    char text[64];
    const int64_t day_s = (int64_t)24 * 60 * 60;
    int64_t now_s = clock_read_wall_us() / 1000000;
    format_day(link->begins_wall_s, text, sizeof(text));
    printf("      valid from: %s%s\n", text, link->begins_wall_s > now_s ? " (not yet)" : "");
    format_day(link->expires_wall_s, text, sizeof(text));
    long long days = (link->expires_wall_s - now_s) / day_s;
    if (link->expires_wall_s < now_s)
        printf("      expires:    %s (EXPIRED)\n", text);
    else
        printf("      expires:    %s (in %lld days)\n", text, days);
}

static void print_chain(const struct sync_tls_report *report, bool is_insecure)
{
    bool is_trusted = strcmp(report->verdict, "ok") == 0;
    printf("Verification:     %s%s%s\n", is_trusted ? "" : "FAILED: ", report->verdict,
           !is_trusted && is_insecure ? " (ignored by --insecure)" : "");
    printf("Certificate chain:\n");
    for (int i = 0; i < report->chain_count; i++) {
        const struct tls_chain_link *link = &report->chain[i];
        printf("  %2d  subject:    %s\n", i, link->subject);
        printf("      issuer:     %s\n", link->issuer);
        if (link->names[0])
            printf("      names:      %s\n", link->names);
        printf("      key:        %s\n", link->key);
        print_expiry(link);
    }
}

static const char *kind_of(const struct sync_tls_report *report)
{
    return report->facts.is_resumed ? "resumed" : "full";
}

static void print_report(const struct sync_tls_report *report)
{
    printf("Protocol:         %s\n", report->facts.version);
    printf("Cipher:           %s\n", report->facts.cipher);
    printf("Group:            %s\n", report->facts.group[0] ? report->facts.group : "none");
    printf("Handshake:        %s, %.2f ms (connecting took %.2f ms)\n", kind_of(report),
           (double)report->handshake_us / 1000, (double)report->connect_us / 1000);
}

/* Sessions of TLS 1.3 arrive behind the first reply. */
static bool fetch_session(struct cli *cli)
{
    const char *ping[] = {"PING"};
    struct reply_value *reply = sync_client_ask(cli->client, ping, 1);
    bool is_answered = reply != NULL;
    reply_value_free(reply);
    if (is_answered)
        sync_client_pause(cli->client, 50 * 1000);
    return is_answered;
}

int tls_info_mode(struct cli *cli)
{
    struct sync_tls_report report;
    cli_require_connection(cli);
    if (!sync_client_describe_tls(cli->client, &report)) {
        fprintf(stderr, "The connection does not use TLS.\n");
        return 1;
    }
    print_report(&report);
    fflush(stdout);
    /* The server may refuse the client's certificate only now. What it showed is told all the same.
     */
    bool is_answered = fetch_session(cli);
    if (!is_answered)
        cli_print_error(cli);
    struct sync_tls_report again;
    bool is_back =
        is_answered && cli_connect(cli) == 0 && sync_client_describe_tls(cli->client, &again);
    if (is_back)
        printf("Second handshake: %s, %.2f ms\n", kind_of(&again),
               (double)again.handshake_us / 1000);
    print_chain(&report, cli->options.tls.settings.is_insecure);
    return is_back ? 0 : 1;
}
