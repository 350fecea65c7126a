/* Users and their passwords. For now the one user of Redis before ACLs: "default", guarded by
 * requirepass. Main thread. */
#ifndef ACL_ACL_USERS_H
#define ACL_ACL_USERS_H

#include "acl/acl_options.h"
#include "base/bytes.h"
#include <stdbool.h>

/* True when a new connection has to authenticate before anything else. */
bool acl_needs_password(const struct acl_settings *settings);
/* Constant time in the password's content. True when the pair is right; without a requirepass any
 * password is right for "default". */
bool acl_authenticate(const struct acl_settings *settings, struct bytes user,
                      struct bytes password);

#endif
