/* Connections that have not shown yet who they are (the handshake is under way, or a password is
 * still to come), counted by where they come from: one address must not take the places of all
 * others before it has shown anything. IPv6 counts by /64, which one host has to itself. Main
 * thread.
 */
#ifndef CLIENT_STRANGERS_H
#define CLIENT_STRANGERS_H

#include "client/client.h"

struct strangers;

struct strangers *strangers_create(void);
/* No client may be counted any more. */
void strangers_destroy(struct strangers *strangers);
/* Counts the client under its peer's address, unless it has none or is counted already. False, and
 * nothing changes, when `max` of that address are there (0: no limit). */
bool strangers_add(struct strangers *strangers, struct client *client, int64_t max) ON_MAIN;
/* It has shown who it is, or is gone. No effect on one that is not counted. */
void strangers_remove(struct strangers *strangers, struct client *client) ON_MAIN;
/* How many addresses there are. */
size_t strangers_sources(const struct strangers *strangers);

#endif
