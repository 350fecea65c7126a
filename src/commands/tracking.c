/* CLIENT TRACKING, CACHING, GETREDIR, TRACKINGINFO: client-side caching. Main thread. */
#include "commands/tracking.h"

#include "base/memory.h"
#include "client/client_table.h"
#include "dispatch/call.h"
#include "pubsub/pubsub.h"

struct options {
    int64_t redirect;
    unsigned flags;
    struct bytes *prefixes;
    int prefix_count;
};

static bool parse_redirect(struct call *call, int at, struct options *options)
{
    entering_main();
    if (options->redirect != 0) {
        reply_errorf(call->reply, "A client can only redirect to a single other client");
        return false;
    }
    if (!call_integer(call, at, &options->redirect, NULL))
        return false;
    if (options->redirect < 0 ||
        !client_table_find(call->services->clients, (uint64_t)options->redirect)) {
        reply_errorf(call->reply, "The client ID you want redirect to does not exist");
        return false;
    }
    return true;
}

static bool parse(struct call *call, struct options *options)
{
    for (int i = 3; i < call->argc; i++) {
        bool has_more = i + 1 < call->argc;
        if (call_is(call, i, "redirect") && has_more) {
            if (!parse_redirect(call, ++i, options))
                return false;
        } else if (call_is(call, i, "bcast")) {
            options->flags |= TRACKING_BCAST;
        } else if (call_is(call, i, "optin")) {
            options->flags |= TRACKING_OPTIN;
        } else if (call_is(call, i, "optout")) {
            options->flags |= TRACKING_OPTOUT;
        } else if (call_is(call, i, "noloop")) {
            options->flags |= TRACKING_NOLOOP;
        } else if (call_is(call, i, "prefix") && has_more) {
            options->prefixes[options->prefix_count++] = call->argv[++i];
        } else {
            return call_syntax_error(call);
        }
    }
    return true;
}

static bool prefixes_fit(struct call *call, const struct options *options)
{
    struct bytes one;
    struct bytes other;
    bool is_existing;
    if (!tracking_prefixes_overlap(call->client, options->prefixes, options->prefix_count, &one,
                                   &other, &is_existing))
        return true;
    reply_errorf(call->reply,
                 "Prefix '%.*s' overlaps with %s prefix '%.*s'. Prefixes for a single client must "
                 "not overlap.",
                 (int)(one.size < 1024 ? one.size : 1024), one.data,
                 is_existing ? "an existing" : "another provided",
                 (int)(other.size < 1024 ? other.size : 1024), other.data);
    return false;
}

/* Do the options fit each other, and what the client has? */
static bool options_fit(struct call *call, const struct options *options)
{
    const struct client *client = call->client;
    unsigned flags = options->flags;
    unsigned both = TRACKING_OPTIN | TRACKING_OPTOUT;
    const char *error = NULL;
    if (!(flags & TRACKING_BCAST) && options->prefix_count)
        error = "PREFIX option requires BCAST mode to be enabled";
    else if (client->flags & CLIENT_TRACKING_ON &&
             (client->tracking_flags ^ flags) & TRACKING_BCAST)
        error = "You can't switch BCAST mode on/off before disabling tracking for this client, and "
                "then re-enabling it with a different mode.";
    else if (flags & TRACKING_BCAST && flags & both)
        error = "OPTIN and OPTOUT are not compatible with BCAST";
    else if ((flags & both) == both)
        error = "You can't specify both OPTIN mode and OPTOUT mode";
    else if ((flags & TRACKING_OPTIN && client->tracking_flags & TRACKING_OPTOUT) ||
             (flags & TRACKING_OPTOUT && client->tracking_flags & TRACKING_OPTIN))
        error = "You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and "
                "then re-enabling it with a different mode.";
    if (error) {
        reply_errorf(call->reply, "%s", error);
        return false;
    }
    return !(flags & TRACKING_BCAST) || prefixes_fit(call, options);
}

void tracking_command(struct call *call)
{
    struct pubsub *pubsub = call->services->pubsub;
    struct options options = {
        .prefixes = mem_alloc((size_t)call->argc * sizeof(struct bytes)),
    };
    if (!parse(call, &options)) {
        mem_free(options.prefixes);
        return;
    }
    if (call_is(call, 2, "on")) {
        if (options_fit(call, &options)) {
            tracking_enable(&pubsub->tracking, call->client, (uint64_t)options.redirect,
                            options.flags, options.prefixes, options.prefix_count);
            reply_ok(call->reply);
        }
    } else if (call_is(call, 2, "off")) {
        tracking_disable(&pubsub->tracking, call->client);
        reply_ok(call->reply);
    } else {
        call_syntax_error(call);
    }
    pubsub_update_interest(pubsub);
    mem_free(options.prefixes);
}

void tracking_caching_command(struct call *call)
{
    struct client *client = call->client;
    bool is_yes = call_is(call, 2, "yes");
    const char *error = NULL;
    if (!(client->flags & CLIENT_TRACKING_ON)) {
        error = "CLIENT CACHING can be called only when the client is in tracking mode with OPTIN "
                "or OPTOUT mode enabled";
    } else if (!is_yes && !call_is(call, 2, "no")) {
        call_syntax_error(call);
        return;
    } else if (is_yes && !(client->tracking_flags & TRACKING_OPTIN)) {
        error = "CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.";
    } else if (!is_yes && !(client->tracking_flags & TRACKING_OPTOUT)) {
        error = "CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.";
    }
    if (error) {
        reply_errorf(call->reply, "%s", error);
        return;
    }
    client->tracking_flags |= TRACKING_CACHING;
    reply_ok(call->reply);
}

static int64_t redirect_of(const struct client *client)
{
    return client->flags & CLIENT_TRACKING_ON ? (int64_t)client->tracking_redirect : -1;
}

void tracking_getredir_command(struct call *call)
{
    reply_integer(call->reply, redirect_of(call->client));
}

static void reply_flags(struct call *call)
{
    const struct client *client = call->client;
    unsigned flags = client->tracking_flags;
    struct reply_mark mark = reply_defer(call->reply);
    const char *words[8];
    int count = 0;
    words[count++] = client->flags & CLIENT_TRACKING_ON ? "on" : "off";
    if (flags & TRACKING_BCAST)
        words[count++] = "bcast";
    if (flags & TRACKING_OPTIN)
        words[count++] = "optin";
    if (flags & TRACKING_OPTIN && flags & TRACKING_CACHING)
        words[count++] = "caching-yes";
    if (flags & TRACKING_OPTOUT)
        words[count++] = "optout";
    if (flags & TRACKING_OPTOUT && flags & TRACKING_CACHING)
        words[count++] = "caching-no";
    if (flags & TRACKING_NOLOOP)
        words[count++] = "noloop";
    if (flags & TRACKING_BROKEN_REDIRECT)
        words[count++] = "broken_redirect";
    for (int i = 0; i < count; i++)
        reply_bulk_text(call->reply, words[i]);
    reply_defer_set(call->reply, mark, count);
}

void tracking_info_command(struct call *call)
{
    const struct bytes *prefixes;
    reply_map(call->reply, 3);
    reply_bulk_text(call->reply, "flags");
    reply_flags(call);
    reply_bulk_text(call->reply, "redirect");
    reply_integer(call->reply, redirect_of(call->client));
    reply_bulk_text(call->reply, "prefixes");
    int count = tracking_prefixes(call->client, &prefixes);
    reply_array(call->reply, count);
    for (int i = 0; i < count; i++)
        reply_bulk_bytes(call->reply, prefixes[i]);
}
