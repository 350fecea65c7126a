/* oom-score-adj: how readily the kernel ends this process when memory is short. The values are
 * those of a primary, a replica and a child that saves; absolute, or added to what the process had
 * at first. Main thread. */
#include "base/log.h"
#include "base/process.h"
#include "server/server.h"
#include <string.h>

enum { OOM_SCORE_MOST = 1000 };

static int clamp(int64_t score)
{
    if (score > OOM_SCORE_MOST)
        return OOM_SCORE_MOST;
    return score < -OOM_SCORE_MOST ? -OOM_SCORE_MOST : (int)score;
}

static int wanted_score(const struct server *server)
{
    const struct server_settings *settings = &server->settings.server;
    if (settings->oom_score_adj == OOM_SCORE_NO)
        return server->oom_score_base;
    int64_t value = settings->oom_score_adj_values[0];
    if (settings->oom_score_adj == OOM_SCORE_RELATIVE)
        value += server->oom_score_base;
    return clamp(value);
}

int server_apply_oom_score(struct server *server)
{
    bool is_wanted = server->settings.server.oom_score_adj != OOM_SCORE_NO;
    if (!is_wanted && !server->is_oom_score_set)
        return 0;
    int result = 0;
    if (!server->is_oom_score_set)
        result = process_oom_score(&server->oom_score_base);
    if (result != 0) {
        log_warning("Unable to read oom_score_adj: %s", strerror(-result));
        return result;
    }
    result = process_set_oom_score(wanted_score(server));
    if (result != 0) {
        log_warning("Unable to write oom_score_adj: %s", strerror(-result));
        return result;
    }
    server->is_oom_score_set = is_wanted;
    return 0;
}
