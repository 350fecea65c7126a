/* The count of SRANDMEMBER, HRANDFIELD and ZRANDMEMBER. Main thread. */
#ifndef COMMANDS_RANDOM_COUNT_H
#define COMMANDS_RANDOM_COUNT_H

#include "dispatch/call.h"

/* argv[2], if it is there, and then `pair_word` (WITHVALUES, WITHSCORES; NULL: none). A negative
 * count allows repetition; more repetitions than anyone can want are refused, since the reply would
 * not fit (CVE-2023-22458, CVE-2023-25155). False with the error written. */
bool random_count_parse(struct call *call, const char *pair_word, int64_t *count);

#endif
