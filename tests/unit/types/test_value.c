/* Names of types and encodings. */
#include "types/value.h"
#include <criterion/criterion.h>

Test(value, names)
{
    cr_assert_str_eq(value_type_name(VALUE_STRING), "string");
    cr_assert_str_eq(value_type_name(VALUE_ZSET), "zset");
    cr_assert_eq(value_type_of_name("STREAM", 6), VALUE_STREAM);
    cr_assert_eq(value_type_of_name("lis", 3), -1);
    cr_assert_eq(value_type_of_name("listx", 5), -1);
    for (int type = 0; type < VALUE_TYPES; type++)
        cr_assert_not_null(value_type_name((enum value_type)type));
    for (int encoding = 0; encoding < ENCODINGS; encoding++)
        cr_assert_not_null(value_encoding_name((enum value_encoding)encoding));
    cr_assert_leq(ENCODINGS, 16);
}
