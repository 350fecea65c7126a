/* INFO. */
#include "observability/info.h"

#include "commands/all.h"
#include "dispatch/call.h"

static void info_command(struct call *call)
{
    struct buffer out;
    buffer_init(&out, INFO_SIZE_MAX);
    info_write(call->services->info, call->argc - 1, call->argv + 1, &out);
    reply_verbatim(call->reply, "txt", out.data ? out.data : "", out.size);
    buffer_deinit(&out);
}

const struct command_spec info_commands[] = {
    {.name = "info",
     .handler = info_command,
     .arity = -1,
     .flags = COMMAND_LOADING | COMMAND_STALE,
     .categories = CATEGORY_DANGEROUS},
    {0},
};
