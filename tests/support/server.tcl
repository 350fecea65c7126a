# Servers of a test file: started on free ports of 127.0.0.1 in a folder of their own, stopped by
# pid. A server whose tests passed leaves nothing; the log of any other is kept in tests/tmp/failed.
#
#   start_server {overrides {maxclients 10} tags {} args {..} conf "text" wait 0} { body }
#   srv ?level? port|host|pid|dir|log|config|tls|...     facts of a server; level 0 is the innermost
#   r ?level? cmd args         its client; `redis_client`, `redis_deferring_client`, `raw_client`

set servers {}
set server_count 0
set server_facts [dict create]

# -- ports --

proc free_port {} {
    global used_ports
    for {set i 0} {$i < 500} {incr i} {
        # Below the range that outgoing connections take their ports from.
        set port [expr {11000 + int(rand() * 21000)}]
        if {[info exists used_ports($port)]} { continue }
        if {[catch {socket -server none -myaddr 127.0.0.1 $port} s]} { continue }
        close $s
        set used_ports($port) 1
        return $port
    }
    error "no free port"
}

# -- configuration --

proc certificate {name} {
    return [file join [certificate_dir] $name]
}

proc tls_server_settings {{name server}} {
    return [list tls-cert-file [certificate $name.crt] tls-key-file [certificate $name.key] \
        tls-ca-cert-file [certificate ca.crt]]
}

# The settings a server gets when the test says nothing; a test's overrides win.
proc default_settings {dir overrides} {
    global opt
    set settings [list bind 127.0.0.1 dir $dir loglevel verbose save "" appendonly no \
        daemonize no enable-debug-command yes enable-protected-configs yes]
    if {$opt(io_threads) ne ""} { lappend settings io-threads $opt(io_threads) }
    if {$opt(backend) ne "" && [server_is_sluice]} { lappend settings io-backend $opt(backend) }
    if {$opt(tls)} {
        lappend settings port 0 tls-port [free_port] {*}[tls_server_settings]
    } else {
        lappend settings port [free_port]
    }
    foreach {name value} $overrides {
        if {[string match tls-* $name] && ![dict exists $settings tls-cert-file]} {
            lappend settings {*}[tls_server_settings]
            break
        }
    }
    set merged [dict create {*}$settings]
    foreach {name value} $overrides { dict set merged $name $value }
    return $merged
}

proc quote_config {value} {
    if {[regexp {^[A-Za-z0-9_./:@+=,*-]+$} $value]} { return $value }
    return "\"[string map {\\ \\\\ \" \\\" \n \\n \r \\r \t \\t} $value]\""
}

# Directives that take several words are written as they are.
set multi_word {save bind client-output-buffer-limit rename-command user oom-score-adj-values
    unixsocketperm notify-keyspace-events tls-protocols latency-tracking-info-percentiles}

proc config_text {settings} {
    global multi_word
    set text ""
    dict for {name value} $settings {
        if {$name in $multi_word && $value ne ""} {
            append text "$name $value\n"
        } else {
            append text "$name [quote_config $value]\n"
        }
    }
    return $text
}

# -- life --

proc new_server_dir {} {
    global server_count work_dir
    set dir [file join $work_dir server.[incr server_count]]
    file mkdir $dir
    return $dir
}

proc note_pid {pid} {
    global work_dir
    set f [open [file join $work_dir pids] a]
    puts $f $pid
    close $f
}

proc sanitizer_environment {} {
    foreach {name value} {
        ASAN_OPTIONS detect_leaks=1:abort_on_error=0:halt_on_error=1
        UBSAN_OPTIONS print_stacktrace=1:halt_on_error=1
        TSAN_OPTIONS halt_on_error=0:second_deadlock_stack=1
    } {
        if {![info exists ::env($name)]} { set ::env($name) $value }
    }
}

# Runs the server program with ARGUMENTS, output to DIR/stdout, INPUT on its standard input.
# Returns the server as a dictionary; nothing is awaited.
proc spawn_server {dir arguments {input ""}} {
    sanitizer_environment
    set log [file join $dir stdout]
    set input_file [file join $dir stdin]
    write_file $input_file $input
    # The shell only places the streams: exec keeps the pid, and closing the channel reaps it.
    set channel [open |[concat [list sh -c {cd "$1" && shift && exec "$@" >>stdout 2>&1 <stdin} sh \
        $dir [server_program]] $arguments] r]
    set pid [lindex [pid $channel] 0]
    note_pid $pid
    return [dict create pid $pid channel $channel dir $dir log $log arguments $arguments \
        client {} config {} may_exit 0 failed 0 log_mark 0]
}

proc server_log {server} {
    set log [dict get $server log]
    if {![file exists $log]} { return "" }
    return [read_file $log]
}

# Waits for the server to be ready. Returns "" or what went wrong.
proc await_ready {server {seconds 15}} {
    set deadline [expr {[clock milliseconds] + $seconds * 1000}]
    set mark [dict get $server log_mark]
    while 1 {
        # The reference's line for a unix socket has a small letter.
        if {[string first "eady to accept connections" [server_log $server] $mark] >= 0} { return "" }
        if {![process_alive [dict get $server pid]]} {
            return "the server ended at start:\n[string range [server_log $server] end-1500 end]"
        }
        if {[clock milliseconds] > $deadline} {
            return "the server was not ready in $seconds s:\n[string range [server_log $server] end-1500 end]"
        }
        resp::pause_ms 10
    }
}

# Reaps the server. Returns {status value}: {exit 0}, {killed SIGSEGV}, {running {}}.
proc reap_server {server {seconds 10}} {
    set deadline [expr {[clock milliseconds] + int($seconds * 1000)}]
    set pid [dict get $server pid]
    while {[process_alive $pid]} {
        if {[clock milliseconds] > $deadline} { return [list running {}] }
        resp::pause_ms 5
    }
    if {![catch {close [dict get $server channel]} message options]} { return {exit 0} }
    set code [dict get $options -errorcode]
    switch -- [lindex $code 0] {
        CHILDSTATUS { return [list exit [lindex $code 2]] }
        CHILDKILLED { return [list killed [lindex $code 2]] }
    }
    return {exit 0}
}

# Stops the server and returns a list of complaints: an unclean end, a sanitizer's report, a crash.
proc stop_server {server {signal TERM}} {
    set complaints {}
    set pid [dict get $server pid]
    set was_alive [process_alive $pid]
    if {$was_alive} { kill_process $pid $signal }
    lassign [reap_server $server [expr {[server_is_slow] ? 60 : 15}]] how value
    if {$how eq "running"} {
        kill_process $pid CONT
        kill_process $pid KILL
        reap_server $server 10
        lappend complaints "the server did not stop at SIG$signal"
    } elseif {![dict get $server may_exit]} {
        if {!$was_alive} { lappend complaints "the server ended by itself ($how $value)" }
        if {$how eq "killed" && $value ne "SIG$signal"} { lappend complaints "the server was killed by $value" }
        if {$how eq "exit" && $value ne "0"} { lappend complaints "the server's exit code is $value" }
    }
    lappend complaints {*}[log_complaints [server_log $server]]
    return $complaints
}

# SHUTDOWN and signals are slow under a sanitizer that looks for leaks.
proc server_is_slow {} {
    return [string match *sanit* [server_build_text]]
}

proc server_build_text {} {
    global build_text
    if {![info exists build_text]} {
        set build_text ""
        catch {
            set f [open [server_program] rb]
            while {![eof $f] && $build_text eq ""} {
                if {[regexp {__(asan|tsan|ubsan)_init} [read $f 4000000]]} { set build_text sanitizer }
            }
            close $f
        }
    }
    return $build_text
}

proc log_complaints {text} {
    set complaints {}
    foreach pattern {
        {ERROR: AddressSanitizer[^\n]*} {ERROR: LeakSanitizer[^\n]*} {WARNING: ThreadSanitizer[^\n]*}
        {[^\n]*runtime error: [^\n]*} {=== [A-Z]* BUG REPORT START[^\n]*} {[^\n]*ASSERTION FAILED[^\n]*}
        {[^\n]*[Aa]ssertion [^\n]*failed[^\n]*} {[^\n]*stack smashing detected[^\n]*}
    } {
        if {[regexp -- $pattern $text line]} { lappend complaints $line }
    }
    return $complaints
}

proc dispose_server {server complaints} {
    global suite
    set dir [dict get $server dir]
    catch {[dict get $server client] close}
    if {[llength $complaints] > 0 || [dict get $server failed]} {
        set kept [keep_log $server]
        if {[llength $complaints] > 0} {
            incr suite(failures)
            emit @fail "(server of the file)" [join $complaints \n] $kept
        }
    }
    file delete -force $dir
}

proc keep_log {server} {
    global test_file
    set target [kept_log_name $test_file [file tail [dict get $server dir]]]
    catch {file copy -force [dict get $server log] $target}
    return $target
}

# -- start_server --

proc start_server {options body} {
    global servers
    array set o {overrides {} tags {} args {} conf "" wait 1 input "" may_exit 0 client 1}
    array set o $options
    set unmet [needs_unmet $o(tags)]
    if {$unmet ne ""} {
        emit @skip "(start_server)" $unmet
        return
    }
    for {set try 1} {1} {incr try} {
        set dir [new_server_dir]
        set settings [default_settings $dir $o(overrides)]
        set server [launch $dir $settings $o(conf) $o(args)]
        set problem [expr {$o(wait) ? [await_ready $server [expr {[server_is_slow] ? 60 : 15}]] : ""}]
        if {$problem eq "" || $try == 3 || ![string match -nocase "*already in use*" $problem]} { break }
        kill_process [dict get $server pid] KILL
        reap_server $server
        file delete -force $dir
    }
    dict set server may_exit $o(may_exit)
    lappend servers $server
    # A server started inside a test belongs to it: what goes wrong is the test's failure.
    set inside [expr {$::suite(name) ne ""}]
    set code 0
    if {$problem ne ""} {
        if {!$inside} { report_failure "(start_server)" $problem }
    } else {
        if {$o(wait) && $o(client)} {
            if {[catch {connect_server_client 0} message]} {
                set problem "cannot connect: $message"
                if {!$inside} { report_failure "(start_server)" $problem }
            }
        }
        if {$problem eq ""} {
            set code [catch {uplevel 1 $body} message options]
            if {$code == 2 && [dict get $options -code] == 1} {
                # By `fail` in the body itself.
                set code 1
                dict set options -level 0
            }
            if {$code == 1 && !$inside} {
                report_failure "(between tests)" [failure_text $message $options]
            }
        }
    }
    if {$inside && ($code == 1 || $problem ne "")} { mark_servers_failed }
    set server [lindex $servers end]
    set servers [lrange $servers 0 end-1]
    if {$problem ne ""} { dict set server may_exit 1 }
    set complaints [stop_server $server]
    dispose_server $server $complaints
    if {$inside && $problem ne ""} { fail $problem }
    if {$inside && $code == 1} { return -options $options $message }
}

proc launch {dir settings conf arguments} {
    set config [file join $dir redis.conf]
    write_file $config "[config_text $settings]$conf"
    set server [spawn_server $dir [concat [list $config] $arguments]]
    dict set server config $config
    dict set server settings $settings
    return $server
}

proc server_index {level} {
    global servers
    return [expr {[llength $servers] - 1 + $level}]
}

# srv ?level? FACT
proc srv {args} {
    global servers opt
    set level 0
    if {[llength $args] == 2} { set args [lassign $args level] }
    set fact [lindex $args 0]
    set server [lindex $servers [server_index $level]]
    set settings [expr {[dict exists $server settings] ? [dict get $server settings] : {}}]
    switch -- $fact {
        host { return 127.0.0.1 }
        tls_port { return [dict get $settings tls-port] }
        plain_port { return [dict get $settings port] }
        tls { return [server_speaks_tls $settings] }
        port {
            return [dict get $settings [expr {[server_speaks_tls $settings] ? "tls-port" : "port"}]]
        }
        default { return [dict get $server $fact] }
    }
}

# Whether `r` of this server speaks TLS: with --tls, or when there is no other port.
proc server_speaks_tls {settings} {
    global opt
    set has_tls [expr {[dict exists $settings tls-port] && [dict get $settings tls-port] != 0}]
    set has_plain [expr {[dict exists $settings port] && [dict get $settings port] != 0}]
    return [expr {$has_tls && ($opt(tls) || !$has_plain)}]
}

proc set_srv {level key value} {
    global servers
    set index [server_index $level]
    lset servers $index [dict replace [lindex $servers $index] $key $value]
}

# The server is meant to end, or to be killed, in this test.
proc server_may_exit {{level 0}} { set_srv $level may_exit 1 }

proc mark_servers_failed {} {
    global servers last_kept
    # A server that a test started and that is gone already has left its log here.
    set kept [expr {[llength $servers] == 0 && [info exists last_kept] ? $last_kept : ""}]
    set marked {}
    foreach server $servers {
        dict set server failed 1
        set kept [keep_log $server]
        lappend marked $server
    }
    set servers $marked
    set last_kept $kept
    return $kept
}

proc note_in_logs {text} {
    global servers
    foreach server $servers {
        catch {
            set f [open [dict get $server log] a]
            puts $f $text
            close $f
        }
    }
}

# Stops and starts the innermost server: same folder, same configuration file (as rewritten).
proc restart_server {args} {
    global servers
    array set o {-signal TERM -level 0 -args {} -wait 1}
    array set o $args
    set index [server_index $o(-level)]
    set server [lindex $servers $index]
    catch {[dict get $server client] close}
    set complaints [stop_server $server $o(-signal)]
    if {[llength $complaints] > 0} { fail "restart: [join $complaints {; }]" }
    set next [spawn_server [dict get $server dir] [concat [list [dict get $server config]] $o(-args)]]
    foreach key {config settings failed} { dict set next $key [dict get $server $key] }
    dict set next log_mark [string length [server_log $server]]
    lset servers $index $next
    if {$o(-wait)} {
        set problem [await_ready $next]
        if {$problem ne ""} { fail $problem }
        connect_server_client $o(-level)
    }
}

# -- clients --

# Options of tls::import for a certificate pair (an empty name: none).
proc tls_client_options {{name client}} {
    set options [list -cafile [certificate ca.crt] -require 1 -ssl2 0 -ssl3 0 -tls1 0 -tls1.1 0]
    if {$name ne ""} {
        lappend options -certfile [certificate $name.crt] -keyfile [certificate $name.key]
    }
    return $options
}

# redis_client ?level? ?options?: options of resp::connect; -cert NAME picks a certificate.
proc redis_client {args} {
    set level 0
    if {[string is integer -strict [lindex $args 0]]} { set args [lassign $args level] }
    set tls [expr {[dict exists $args -tls] ? [dict get $args -tls] : [srv $level tls]}]
    set cert [expr {[dict exists $args -cert] ? [dict get $args -cert] : "client"}]
    set options [list -host [srv $level host] -port [srv $level [expr {$tls ? "tls_port" : "plain_port"}]] \
        -tls $tls]
    if {$tls} { lappend options -tls_options [tls_client_options $cert] }
    foreach {name value} $args {
        if {$name ne "-cert"} { lappend options $name $value }
    }
    return [resp::connect {*}$options]
}

proc redis_deferring_client {args} {
    set level 0
    if {[string is integer -strict [lindex $args 0]]} { set args [lassign $args level] }
    return [redis_client $level -deferred 1 {*}$args]
}

proc connect_server_client {level} {
    global servers
    set client [redis_client $level]
    set settings [srv $level settings]
    if {[dict exists $settings requirepass] && [dict get $settings requirepass] ne ""} {
        $client auth [dict get $settings requirepass]
    }
    set_srv $level client $client
    return $client
}

proc r {args} {
    set level 0
    if {[string match {-[0-9]*} [lindex $args 0]] || [lindex $args 0] eq "0"} {
        set args [lassign $args level]
    }
    set client [srv $level client]
    if {$client eq ""} { set client [connect_server_client $level] }
    tailcall $client {*}$args
}

# A new client in place of `r`'s, after a test that closed or spoilt it.
proc reconnect {{level 0}} {
    catch {[srv $level client] close}
    connect_server_client $level
}

# -- facts --

proc info_field {text field} {
    if {[regexp -line "^$field:(.*?)\r?$" $text -> value]} { return $value }
    return ""
}

# s ?level? FIELD: a field of INFO everything.
proc s {args} {
    set level 0
    if {[llength $args] == 2} { set args [lassign $args level] }
    return [info_field [r $level info everything] [lindex $args 0]]
}

proc server_version_line {} {
    global version_line
    if {![info exists version_line]} {
        set version_line ""
        catch {set version_line [exec -ignorestderr [server_program] --version 2>@1]}
    }
    return $version_line
}

# The reference prints "Redis server v=7.0.15 ..." and reports no server_name.
proc server_is_sluice {} {
    return [expr {![string match "*/usr/bin/*" [server_program]]}]
}

proc server_level {} {
    if {[regexp {v=(\d+)} [server_version_line] -> major]} {
        return [expr {[server_is_sluice] ? 8 : $major}]
    }
    return 8
}

proc server_has_command {name} {
    global known_commands
    set words [split $name |]
    if {![info exists known_commands($name)]} {
        set known_commands($name) 0
        catch {
            set got [lindex [r command info $name] 0]
            set known_commands($name) [expr {[llength $got] > 0}]
        }
    }
    return $known_commands($name)
}

proc server_log_contains {pattern {level 0}} {
    set text [server_log [lindex $::servers [server_index $level]]]
    foreach line [split $text \n] {
        if {[string match $pattern $line]} { return 1 }
    }
    return 0
}

proc log_size {{level 0}} { return [file size [srv $level log]] }

# Lines of the log after byte MARK that match the glob PATTERN.
proc log_lines_after {mark pattern {level 0}} {
    set lines {}
    foreach line [split [string range [read_file [srv $level log]] $mark end] \n] {
        if {[string match $pattern $line]} { lappend lines $line }
    }
    return $lines
}

proc wait_for_log {mark pattern {level 0} {seconds 10}} {
    set deadline [expr {[clock milliseconds] + $seconds * 1000}]
    while {[llength [log_lines_after $mark $pattern $level]] == 0} {
        if {[clock milliseconds] > $deadline} { fail "no line like '$pattern' in the server's log" }
        resp::pause_ms 10
    }
    return [lindex [log_lines_after $mark $pattern $level] 0]
}

proc descriptor_count {pid} {
    return [llength [glob -nocomplain -directory /proc/$pid/fd -- *]]
}

# Runs the server program to its end. Returns {exit-code output}.
proc run_server_program {arguments {input ""} {seconds 10}} {
    set dir [new_server_dir]
    set server [spawn_server $dir $arguments $input]
    lassign [reap_server $server $seconds] how value
    if {$how eq "running"} {
        kill_process [dict get $server pid] KILL
        reap_server $server
        set value "still running"
    }
    set output [server_log $server]
    file delete -force $dir
    return [list $value $output]
}
