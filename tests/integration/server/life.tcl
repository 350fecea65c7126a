# SHUTDOWN, signals, pidfile, log lines at start, daemonize.

start_server {may_exit 1} {
    test "SHUTDOWN NOSAVE ends the server cleanly" {
        set c [redis_client]
        set d [redis_deferring_client]
        # With threads the connection may be on its way to another one just then: nothing is lost.
        $d write [resp::encode {ping a}][resp::encode {shutdown nosave}][resp::encode {ping b}]
        assert_equal "\$1\r\na\r\n" [$d raw]
        wait_until 0 10 {process_alive [srv pid]}
        assert_equal 1 [$c eof]
        assert_equal 1 [$d eof]
        $c close
        $d close
        assert {[server_log_contains "*bye bye*"]}
    }
}

start_server {} {
    test "SHUTDOWN with wrong words" {
        assert_error "ERR syntax error" {r shutdown nosuch}
        assert_error "ERR syntax error" {r shutdown save nosave}
        assert_error "ERR No shutdown in progress." {r shutdown abort}
        assert_equal PONG [r ping]
    }

    test "SHUTDOWN SAVE does not end a server that cannot save" {
        assert_error "ERR Errors trying to SHUTDOWN. Check logs." {r shutdown save now}
        assert {[server_log_contains "*SHUTDOWN SAVE: this version cannot save*"]}
        assert_equal PONG [r ping]
    } {sluice}

    test "The log at start has the lines that scripts look for, in order" {
        set text [read_file [srv log]]
        set at -1
        foreach part [list "PID: [srv pid]" "Server initialized" "Ready to accept connections"] {
            set next [string first $part $text]
            assert {$next > $at} "$part"
            set at $next
        }
    } {sluice}

    test "A line for each listener" {
        assert {[server_log_contains "*Ready to accept connections*"]}
    }

    test "SIGHUP does not end the server" {
        exec kill -HUP [srv pid]
        assert_equal PONG [r ping]
    }

    test "SIGPIPE does not end the server" {
        exec kill -PIPE [srv pid]
        assert_equal PONG [r ping]
    }

    test "A stopped and continued server goes on" {
        exec kill -STOP [srv pid]
        exec kill -CONT [srv pid]
        assert_equal PONG [r ping]
    }
}

foreach signal {TERM INT} {
    start_server {may_exit 1} {
        test "SIG$signal ends the server cleanly, also with busy clients" {
            set clients {}
            for {set i 0} {$i < 10} {incr i} {
                set c [redis_deferring_client]
                for {set j 0} {$j < 100} {incr j} { $c echo [string repeat x 500] }
                lappend clients $c
            }
            exec kill -$signal [srv pid]
            wait_until 0 10 {process_alive [srv pid]}
            assert {[server_log_contains "*Received SIG$signal scheduling shutdown*"]}
            assert {[server_log_contains "*bye bye*"]}
            foreach c $clients { $c close }
        }
    }
}

test "pidfile is written and removed" {
    set pidfile [file join $::work_dir test.pid]
    start_server [list overrides [list pidfile $pidfile] may_exit 1] {
        wait_until 1 5 {file exists $pidfile}
        assert_equal [srv pid] [string trim [read_file $pidfile]]
        exec kill -TERM [srv pid]
        wait_until 0 10 {process_alive [srv pid]}
        assert_equal 0 [file exists $pidfile]
    }
}

test "daemonize puts the server into the background with its pidfile" {
    set dir [new_server_dir]
    set port [free_port]
    write_file $dir/redis.conf "port $port\nbind 127.0.0.1\ndir $dir\ndaemonize yes\npidfile $dir/pid\nlogfile $dir/log\nsave \"\"\n"
    set server [spawn_server $dir [list $dir/redis.conf]]
    assert_equal {exit 0} [reap_server $server]
    wait_until 1 10 {expr {[file exists $dir/pid] && [string trim [read_file $dir/pid]] ne ""}}
    set pid [string trim [read_file $dir/pid]]
    note_pid $pid
    wait_until 1 10 {expr {![catch {set c [resp::connect -port $port]}]}}
    assert_equal $pid [info_field [$c info server] process_id]
    assert_match "*Ready to accept connections*" [read_file $dir/log]
    catch {$c shutdown nosave}
    $c close
    wait_until 0 10 {process_alive $pid}
    wait_until 0 5 {file exists $dir/pid}
    file delete -force $dir
}

# Runs BODY with a socket for notifications at NOTIFY_SOCKET; what arrives is at last in FILE, a line each.
proc with_notifications {file body} {
    set path [file join $::work_dir notify.sock]
    set listener {
        use Socket; socket(my $s, PF_UNIX, SOCK_DGRAM, 0);
        bind($s, pack_sockaddr_un($ARGV[0])) or die; open(my $out, ">>", $ARGV[1]); $out->autoflush(1);
        while (defined recv($s, my $m, 1000, 0)) { print $out $m; }
    }
    file delete $file $path
    set pid [exec perl -MIO::Handle -e $listener $path $file &]
    note_pid $pid
    wait_until 1 10 {file exists $path}
    set ::env(NOTIFY_SOCKET) $path
    try { uplevel 1 $body } finally {
        unset ::env(NOTIFY_SOCKET)
        kill_process $pid
    }
}

test "INFO says who supervises the server, and systemd alone is notified" {
    set file [file join $::work_dir notified]
    set all "STATUS=Redis is loading...\nSTATUS=Ready to accept connections\nREADY=1\nSTOPPING=1\n"
    foreach {mode supervisor expected} [list systemd systemd $all auto systemd $all upstart no "" no no ""] {
        with_notifications $file {
            start_server [list overrides [list supervised $mode]] {
                assert_equal $supervisor [info_field [r info server] process_supervised]
            }
            wait_until $expected 5 {expr {[file exists $file] ? [read_file $file] : ""}}
        }
    }
    set ::env(NOTIFY_SOCKET) [file join $::work_dir nobody.sock]
    try {
        start_server {overrides {supervised systemd} complaints 0} {
            assert_equal no [info_field [r info server] process_supervised]
            assert {[server_log_contains "*systemd supervision error: sd_notify: -2*"]}
        }
    } finally {
        unset ::env(NOTIFY_SOCKET)
    }
} {sluice}

# What ps shows.
proc title {} {
    return [string trim [string map {\0 " "} [read_file /proc/[srv pid]/cmdline]]]
}

test "The title names the program as it was called, and where it listens" {
    set program [server_program]
    set path [file join $::work_dir title.sock]
    start_server [list overrides [list port 0 tls-port 0 unixsocket $path] client 0] {
        assert_equal "$program unixsocket:$path" [title]
    }
    start_server [list overrides [list port [free_port] tls-port 0 bind "127.0.0.1 -::1"]] {
        assert_equal "$program 127.0.0.1:[srv port]" [title]
        r config set proc-title-template "{title} at {port} {server-mode}"
        assert_equal "$program at [srv port]" [title]
        r config set proc-title-template "{title} {listen-addr} {server-mode}"
        r config set bind "127.0.0.2 127.0.0.1"
        assert_equal "$program 127.0.0.2:[srv port]" [title]
        set port [free_port]
        r config set port $port
        assert_equal "$program 127.0.0.2:$port" [title]
    }
}

test "The title has both ports" {
    start_server [list overrides [list port [free_port] tls-port [free_port] bind 127.0.0.1]] {
        set c [redis_client -tls 0]
        $c config set proc-title-template "{listen-addr}"
        assert_equal "127.0.0.1:[lindex [$c config get port] 1],tls:[srv tls_port]" [title]
        $c config set tls-port 0
        assert_equal "127.0.0.1:[lindex [$c config get port] 1]" [title]
        $c close
    }
} {sluice built_tls}

test "dynamic-hz: many clients make more runs a second" {
    start_server {overrides {hz 1}} {
        assert_equal {1 1} [list [s hz] [s configured_hz]]
        set clients {}
        for {set i 0} {$i < 205} {incr i} { lappend clients [redis_deferring_client] }
        wait_until {2 1} 5 {list [s hz] [s configured_hz]}
        r config set dynamic-hz no
        wait_until {1 1} 5 {list [s hz] [s configured_hz]}
        foreach c $clients { $c close }
    }
}

start_server {overrides {enable-debug-command yes}} {
    test "watchdog-period tells what keeps the server" {
        if {[server_is_slow]} { skip "not with a sanitizer" }
        r debug sleep 0.5
        assert {![server_log_contains "*WATCHDOG TIMER EXPIRED*"]}
        r config set watchdog-period 200
        wait_until 1 10 {
            r debug sleep 0.5
            server_log_contains "--- WATCHDOG TIMER EXPIRED ---"
        }
        assert {[server_log_contains "*(server_main+*"] || ![server_is_sluice]}
        exec kill -ALRM [srv pid]
        wait_until 1 5 {server_log_contains "Received SIGALRM"}
        assert_equal PONG [r ping]
        r config set watchdog-period 0
        set runs [s eventloop_cycles]
        wait_until 1 10 {expr {[s eventloop_cycles] > $runs + 30}}
        set mark [log_size]
        r debug sleep 0.5
        assert_equal {} [log_lines_after $mark "*WATCHDOG*"]
        exec kill -ALRM [srv pid]
        wait_until 1 5 {expr {[llength [log_lines_after $mark "*Received SIGALRM*"]] == 1}}
        assert_equal PONG [r ping]
    }
}

test "Without standard streams the log goes to nobody" {
    set port [free_port]
    set pid [exec sh -c {exec "$@" <&- >&- 2>&-} sh [server_program] --port $port --bind 127.0.0.1 --save {} &]
    note_pid $pid
    try {
        wait_until 0 10 {catch {resp::connect -port $port} c}
        assert_equal PONG [$c ping]
        foreach fd {0 1 2} { assert_equal /dev/null [file readlink /proc/$pid/fd/$fd] $fd }
        $c close
    } finally {
        kill_process $pid TERM
    }
} {sluice}

proc with_files {limit arguments} { return [list sh -c "ulimit -n $limit && exec \"\$@\" 2>&1" sh [server_program] {*}$arguments] }

test "A limit of files that leaves nothing for clients ends the start" {
    assert [catch {exec {*}[with_files 20 {--port 0}]} output]
    assert_match "*Your current 'ulimit -n' of 20 is not enough for the server to start. Please increase your open file limit to at least 33. Exiting.*" $output
}

test "maxclients is what the limit of files allows beside the I/O threads" {
    set port [free_port]
    set pid [exec {*}[with_files 100 [list --port $port --bind 127.0.0.1 --io-threads 16 --save {}]] >/dev/null &]
    note_pid $pid
    try {
        wait_until 0 10 {catch {resp::connect -port $port} c}
        # 32, as Redis has them, and two for each thread.
        assert_equal {maxclients 36} [$c config get maxclients]
        assert_match "*maxclients:36*" [$c info clients]
        assert_error "*not able to handle the specified number of clients, try with 36*" {$c config set maxclients 37}
        set clients [list $c]
        for {set i 1} {$i < 36} {incr i} {
            lappend clients [resp::connect -port $port]
            assert_equal PONG [[lindex $clients end] ping]
        }
        set extra [resp::connect -port $port]
        assert_equal "-ERR max number of clients reached\r\n" [$extra raw]
        foreach c [linsert $clients end $extra] { $c close }
    } finally {
        kill_process $pid TERM
    }
}

# How readily the kernel ends the server.
proc oom_score {} { return [string trim [read_file /proc/[srv pid]/oom_score_adj]] }

test "oom-score-adj reaches the kernel" {
    set base [string trim [read_file /proc/self/oom_score_adj]]
    start_server {} {
        assert_equal $base [oom_score]
        r config set oom-score-adj yes oom-score-adj-values "10 200 800"
        assert_equal [expr {$base + 10}] [oom_score]
        r config set oom-score-adj absolute oom-score-adj-values "900 950 960"
        assert_equal 900 [oom_score]
        r config set oom-score-adj-values "950 950 960"
        assert_equal 950 [oom_score]
        r config set oom-score-adj yes oom-score-adj-values "2000 2000 2000"
        assert_equal 1000 [oom_score]
        r config set oom-score-adj no
        assert_equal $base [oom_score]
        r config set oom-score-adj-values "20 30 40"
        assert_equal $base [oom_score]
    }
    start_server {overrides {oom-score-adj absolute oom-score-adj-values "990 991 992"}} {
        assert_equal 990 [oom_score]
    }
}

test "What an operator should mend is logged at start" {
    set somaxconn [string trim [read_file /proc/sys/net/core/somaxconn]]
    set overcommit [string trim [read_file /proc/sys/vm/overcommit_memory]]
    start_server {overrides {tcp-backlog 2000000000 maxclients 4000000000 disable-thp no}} {
        assert {[server_log_contains "*# WARNING: The TCP backlog setting of 2000000000 cannot be enforced because\
            /proc/sys/net/core/somaxconn is set to the lower value of $somaxconn."]}
        assert_equal [expr {$overcommit != 1}] [server_log_contains "*# WARNING Memory overcommit must be enabled! *"]
        # 32, as Redis has them; ours needs two more for each I/O thread.
        set threads [lindex [r config get io-threads] 1]
        set files [expr {4000000032 + ([server_is_sluice] && $threads > 1 ? 2 * $threads : 0)}]
        assert {[server_log_contains "*# You requested maxclients of 4000000000 requiring at least $files max file descriptors."]}
        assert {[server_log_contains "*# Server can't set maximum open files to $files because of OS error: Operation not permitted."]}
        assert {[server_log_contains "*# Current maximum open files is *. maxclients has been reduced to *"]}
        set path /sys/kernel/mm/transparent_hugepage/enabled
        set always [expr {[file exists $path] && [string match {*\[always\]*} [read_file $path]]}]
        assert_equal $always [server_log_contains "*# WARNING You have Transparent Huge Pages (THP) support enabled in your kernel. *"]
    }
}

test "Options of parts that do not exist yet are not silent" {
    foreach {name value} {appendonly yes replicaof "127.0.0.1 1" cluster-enabled yes user "somebody on nopass"} {
        set option [expr {$value eq "yes" ? "$name yes" : $name}]
        lassign [run_server_program [concat [list --port 0 --$name] $value]] code output
        assert_match "*# WARNING: '$option' is accepted, but not served yet: *" $output
    }
    lassign [run_server_program {--port 0}] code output
    assert_no_match "*not served yet*" $output
} {sluice}

test "A server that would be more open than its users say does not start" {
    foreach {options reason} {
        {--user default off} "*'user default': users are not served yet*"
        {--user default on #2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b ~* +@all} "*'user default': users are not served yet*"
        {--user default on nopass ~app:* +@all} "*'user default': users are not served yet*"
        {--requirepass secret --user default on nopass ~* +@all} "*'user default': users*"
        {--requirepass secret --user default on ~* +@all -flushall} "*'user default': users*"
        {--aclfile /nosuch} "*'aclfile': users are not served yet*"
    } {
        foreach more {{} --check-config} {
            lassign [run_server_program [concat --port 0 $options $more]] code output
            assert_equal 1 $code
            assert_match $reason $output
        }
    }
    foreach options {
        {--user default on nopass sanitize-payload ~* &* +@all}
        {--requirepass secret --user default on #2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b ~* &* +@all}
    } {
        lassign [run_server_program [concat --port 0 $options --check-config]] code output
        assert_equal "0 {configuration OK}" [list $code [string trim $output]]
    }
} {sluice}

test "logfile gets the log, and is reopened when it was moved away" {
    set log [file join $::work_dir my.log]
    start_server [list overrides [list logfile $log] wait 0] {
        wait_until 1 10 {expr {[file exists $log] && [string match "*Ready to accept*" [read_file $log]]}}
        file rename $log $log.1
        exec kill -TERM [srv pid]
        server_may_exit
        wait_until 0 10 {process_alive [srv pid]}
        assert_match "*bye bye*" [read_file $log]
    }
}

test "A log or a socket that cannot be made ends the start" {
    lassign [run_server_program {--port 0 --logfile /nosuch/x}] code output
    assert_equal 1 $code
    assert_match "*FATAL CONFIG FILE ERROR*Can't open the log file: No such file or directory*" $output
    lassign [run_server_program {--port 0 --unixsocket /nosuch/x}] code output
    assert_equal 1 $code
    assert_match "*# Failed opening Unix socket: bind: No such file or directory*" $output
}

test "A port that is taken ends the start" {
    set taken [socket -server none -myaddr 127.0.0.1 0]
    set port [lindex [fconfigure $taken -sockname] 2]
    # It is the other server's pidfile.
    set pidfile [file join $::work_dir taken.pid]
    write_file $pidfile 4711
    lassign [run_server_program [list --port $port --bind 127.0.0.1 --dir $::work_dir --pidfile $pidfile]] code output
    close $taken
    assert_equal 1 $code
    assert_equal 4711 [read_file $pidfile]
    assert_match "*ould not create server TCP listening socket 127.0.0.1:$port: bind: Address already in use*" $output
    assert_match "*Failed listening on port $port*aborting*" $output
} {}

test "A folder that is not there ends the start" {
    lassign [run_server_program [list --port 0 --dir /nosuch/folder]] code output
    assert_equal 1 $code
    assert_match "*/nosuch/folder*No such file or directory*" $output
} {}

# What `id` says of a running process: users, then groups.
proc ids_of {pid} {
    set text [read_file /proc/$pid/status]
    regexp -line {^Uid:\s+(.*)$} $text -> users
    regexp -line {^Gid:\s+(.*)$} $text -> groups
    return [lsort -unique [concat $users $groups]]
}

test "user: started by root, the server runs as somebody else" {
    lassign [run_server_program {--port 0 --user nosuchuser}] code output
    assert_equal 1 $code
    assert_match "*'user nosuchuser': a line without rules names the user of the system*" $output
    lassign [run_server_program {--port 0 --user nosuchuser --check-config}] code output
    assert_equal 1 $code
    if {[exec id -u] != 0 || [catch {exec id -u nobody}]} { skip "needs root, and a user nobody" }
    set dir [file join $::work_dir nobody]
    file mkdir $dir
    set all [lsort -unique [list [exec id -u nobody] [exec id -g nobody]]]
    file attributes $dir -owner nobody
    # Relative to `dir`: nobody may not look into the folders above.
    set options [list user nobody dir $dir port [free_port] tls-port 0 bind 127.0.0.1 unixsocket sock pidfile pid]
    start_server [list overrides $options] {
        assert_equal $all [ids_of [srv pid]]
        foreach file {sock pid} { assert_equal nobody [file attributes $dir/$file -owner] $file }
        assert {[server_log_contains "*Running as the user 'nobody'*"]}
        assert {![server_log_contains "*'user'*"]}
        assert_equal PONG [r ping]
    }
} {sluice}
