/* Commands about the server as a whole: SHUTDOWN TIME LOLWUT. */
#include "base/buffer.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/number.h"
#include "base/random.h"
#include "base/server_control.h"
#include "base/version.h"
#include "commands/all.h"
#include "dispatch/call.h"
#include <stdio.h>

/* What follows in the same pipeline must not live before the time that was told. A transaction is
 * one moment, in which TIME goes on, as in Redis. */
static void time_command(struct call *call)
{
    bool is_in_transaction = call->client->flags & CLIENT_MULTI;
    if (!is_in_transaction)
        clock_update();
    int64_t now_us = is_in_transaction ? clock_read_wall_us() : clock_wall_us();
    reply_array(call->reply, 2);
    reply_bulk_integer(call->reply, now_us / 1000000);
    reply_bulk_integer(call->reply, now_us % 1000000);
}

static bool parse_shutdown(struct call *call, unsigned *flags, bool *is_abort)
{
    for (int i = 1; i < call->argc; i++) {
        if (call_is(call, i, "SAVE") && !(*flags & SHUTDOWN_NOSAVE))
            *flags |= SHUTDOWN_SAVE;
        else if (call_is(call, i, "NOSAVE") && !(*flags & SHUTDOWN_SAVE))
            *flags |= SHUTDOWN_NOSAVE;
        else if (call_is(call, i, "NOW"))
            *flags |= SHUTDOWN_NOW;
        else if (call_is(call, i, "FORCE"))
            *flags |= SHUTDOWN_FORCE;
        else if (call_is(call, i, "ABORT"))
            *is_abort = true;
        else
            return call_syntax_error(call);
    }
    return !(*is_abort && *flags) || call_syntax_error(call);
}

/* Who wants to be saved must not lose what is there: there is no saving yet. */
static bool refuse_save(struct call *call, unsigned flags)
{
    if (!(flags & SHUTDOWN_SAVE) || flags & SHUTDOWN_FORCE)
        return false;
    log_warning("SHUTDOWN SAVE: this version cannot save. SHUTDOWN NOSAVE, or SAVE FORCE, ends the "
                "server all the same.");
    reply_errorf(call->reply, "Errors trying to SHUTDOWN. Check logs.");
    return true;
}

/* No reply on success: the connection closes, and what it sent behind has none either. */
static void shutdown_command(struct call *call)
{
    unsigned flags = 0;
    bool is_abort = false;
    const struct server_control *control = call->services->control;
    if (!parse_shutdown(call, &flags, &is_abort))
        return;
    if (!is_abort) {
        if (refuse_save(call, flags))
            return;
        control->request_shutdown(control->server, flags);
        call->client->flags |= CLIENT_CLOSE_AFTER_REPLY;
        return;
    }
    if (control->abort_shutdown(control->server))
        reply_ok(call->reply);
    else
        reply_errorf(call->reply, "No shutdown in progress.");
}

/* A canal with as many gates as one likes; the water level falls gate by gate. */
static void draw_sluice(struct buffer *out, int64_t gates)
{
    enum { ROWS = 6 };
    for (int row = 0; row < ROWS; row++) {
        for (int64_t gate = 0; gate < gates; gate++) {
            int level = (int)(ROWS - ROWS * gate / gates);
            bool is_wet = row >= ROWS - level;
            const char *water = random_below(4) ? "~~~~" : "~~-~";
            (void)buffer_printf(out, "%s%s", is_wet ? water : "    ", row > 0 ? "#" : "=");
        }
        (void)buffer_append_text(out, "\n");
    }
}

static void lolwut_command(struct call *call)
{
    int64_t gates = 8;
    if (call->argc >= 2 && call_is(call, 1, "VERSION")) {
        if (call->argc < 3 || !call_integer(call, 2, &gates, NULL)) {
            if (call->argc < 3)
                call_syntax_error(call);
            return;
        }
        gates = 8;
    } else if (call->argc >= 2 && !call_integer(call, 1, &gates, NULL)) {
        return;
    }
    if (gates < 1)
        gates = 1;
    if (gates > 15)
        gates = 15;
    struct buffer text;
    buffer_init(&text, 16384);
    draw_sluice(&text, gates);
    (void)buffer_printf(&text, "\nRedis ver. %s (sluice %s)\n", REDIS_VERSION, SLUICE_VERSION);
    reply_verbatim(call->reply, "txt", text.data, text.size);
    buffer_deinit(&text);
}

const struct command_spec server_commands[] = {
    {.name = "time",
     .handler = time_command,
     .arity = 1,
     .flags = COMMAND_LOADING | COMMAND_STALE | COMMAND_FAST},
    {.name = "shutdown",
     .handler = shutdown_command,
     .arity = -1,
     .flags = COMMAND_ADMIN | COMMAND_NOSCRIPT | COMMAND_LOADING | COMMAND_STALE |
              COMMAND_NO_MULTI | COMMAND_ALLOW_BUSY},
    {.name = "lolwut",
     .handler = lolwut_command,
     .arity = -1,
     .flags = COMMAND_READONLY | COMMAND_FAST},
    {0},
};
