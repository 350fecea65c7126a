/* See random_count.h. Main thread. */
#include "commands/random_count.h"

enum { RANDOM_REPEATED_MAX = 1 << 28 };

bool random_count_parse(struct call *call, const char *pair_word, int64_t *count)
{
    if (call->argc <= 2)
        return true;
    bool has_pairs = call->argc > 3;
    if (has_pairs && !pair_word)
        return call_syntax_error(call);
    if (!call_integer_in(call, 2, -INT64_MAX, INT64_MAX, count, NULL))
        return false;
    if (call->argc > 4 || (has_pairs && !call_is(call, 3, pair_word)))
        return call_syntax_error(call);
    if ((has_pairs && (*count < -INT64_MAX / 2 || *count > INT64_MAX / 2)) ||
        *count < -RANDOM_REPEATED_MAX) {
        reply_error(call->reply, "ERR value is out of range");
        return false;
    }
    return true;
}
