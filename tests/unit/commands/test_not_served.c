/* What is not served is named, and nothing that is. */
#include "commands/not_served.h"

#include "commands/all.h"
#include <criterion/criterion.h>

Test(not_served, names_what_is_missing_alone)
{
    cr_assert(command_is_not_served(BYTES_LITERAL("EVAL")));
    cr_assert(command_is_not_served(BYTES_LITERAL("xadd")));
    cr_assert_not(command_is_not_served(BYTES_LITERAL("evil")));
    cr_assert_not(command_is_not_served(BYTES_LITERAL("")));
    for (const struct command_spec *const *family = all_commands; *family; family++)
        for (const struct command_spec *row = *family; row->name; row++)
            cr_assert_not(command_is_not_served(bytes_of_text(row->name)), "%s is here", row->name);
}
