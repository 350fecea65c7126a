/* What the files of list commands share. Main thread. */
#ifndef COMMANDS_LIST_COMMON_H
#define COMMANDS_LIST_COMMON_H

#include "dispatch/call.h"
#include "types/list_type.h"

/* LEFT or RIGHT at argv[index]. */
bool list_parse_end(struct call *call, int index, bool *at_head);

struct lmpop_options {
    int first_key;
    int keys;
    bool at_head;
    int64_t count;
};

/* "numkeys key... LEFT|RIGHT [COUNT n]" from argv[first] on. */
bool lmpop_parse(struct call *call, int first, struct lmpop_options *options);

/* These return false, with nothing answered, when there is nothing to pop: the caller answers with
 * a null or blocks. True: it is answered, perhaps with an error. */

bool lmpop_try(struct call *call, const struct lmpop_options *options);
/* From the first key that is there: its name and an element. */
bool list_pop_first(struct call *call, int first_key, int keys, bool at_head);
/* From argv[1] to argv[2]. */
bool list_move_element(struct call *call, bool from_head, bool to_head);

#endif
