#include "tools/cli/cli.h"
/* --live */
int live_mode(struct cli *cli)
{
    (void)cli;
    return 1;
}
