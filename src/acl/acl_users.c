/* See acl_users.h. */
#include "acl/acl_users.h"

#include "base/text.h"

static const struct secret *password_of(const struct acl_settings *settings)
{
    return settings->requirepass ? settings->requirepass : settings->requirepass_external;
}

bool acl_needs_password(const struct acl_settings *settings)
{
    return password_of(settings) != NULL;
}

bool acl_authenticate(const struct acl_settings *settings, struct bytes user, struct bytes password)
{
    const struct secret *expected = password_of(settings);
    bool is_known = bytes_equal(user, BYTES_LITERAL("default"));
    bool is_right = !expected || text_equal_secret(secret_bytes(expected), password);
    return is_known && is_right;
}
