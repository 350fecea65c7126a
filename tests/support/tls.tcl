# TLS from the outside: openssl s_client, a relay that cuts, drips or holds bytes between a client
# and the server, and a captured ClientHello.

set helpers {}

# Channels and processes that end with the file.
proc stop_helpers {} {
    global helpers
    foreach helper $helpers { catch {close $helper} }
    set helpers {}
}

# openssl s_client with ARGS against the server. -input is sent when the handshake is over, -then
# {PATTERN TEXT} when the output matches. Returns all it printed, when the server closes, when the
# output matches -until, or after -seconds.
proc s_client {port args} {
    array set o {-input "" -cert client -seconds 30 -until "" -then {}}
    set extra {}
    foreach {name value} $args {
        if {[info exists o($name)]} { set o($name) $value } else { lappend extra {*}[concat $name $value] }
    }
    set command [list timeout -k 2 $o(-seconds) openssl s_client -connect 127.0.0.1:$port \
        -CAfile [certificate ca.crt]]
    if {$o(-cert) ne ""} {
        lappend command -cert [certificate $o(-cert).crt] -key [certificate $o(-cert).key]
    }
    set channel [open |[concat $command $extra [list 2>@1]] r+]
    fconfigure $channel -translation binary -blocking 0 -buffering none
    set output ""
    set sent 0
    set deadline [expr {[clock milliseconds] + $o(-seconds) * 1000}]
    while {[clock milliseconds] < $deadline} {
        append output [read $channel]
        if {[eof $channel]} { break }
        if {!$sent && [string match "*Verify return code*" $output]} {
            catch {puts -nonewline $channel $o(-input)}
            set sent 1
        }
        if {$sent && [llength $o(-then)] == 2 && [string match [lindex $o(-then) 0] $output]} {
            catch {puts -nonewline $channel [lindex $o(-then) 1]}
            set o(-then) {}
        }
        if {$sent && $o(-until) ne "" && [string match $o(-until) $output]} { break }
        resp::pause_ms 5
    }
    catch {chan close $channel write}
    foreach pid [pid $channel] { kill_process $pid }
    catch {close $channel}
    return $output
}

# -- a relay in this process --

namespace eval relay {
    variable next 0
    variable target
    variable plan
    variable peer
    variable passed
    variable links {}
}

# Listens on a free port and passes bytes to TARGET (a port). PLAN is a dictionary:
#   up N / down N   cut the link when N bytes went to / came from the server
#   cut reset       cut with a reset rather than a close
#   drip BYTES      pass that many bytes at a time, in separate writes
#   hold N          stop passing (in both directions) after N bytes up, keep the link open
# Returns the port.
proc relay::start {target_port plan_dict} {
    variable next
    variable target
    variable plan
    set id [incr next]
    set target($id) $target_port
    set plan($id) $plan_dict
    set server [socket -server [list relay::accept $id] -myaddr 127.0.0.1 0]
    lappend ::helpers $server
    return [lindex [fconfigure $server -sockname] 2]
}

proc relay::accept {id channel host port} {
    variable target
    variable plan
    variable peer
    variable passed
    variable links
    set upstream [socket 127.0.0.1 $target($id)]
    foreach {from to direction} [list $channel $upstream up $upstream $channel down] {
        fconfigure $from -blocking 0 -translation binary -buffering none
        set peer($from) $to
        set passed($from) 0
        fileevent $from readable [list relay::pass $from $direction $plan($id)]
    }
    lappend links $channel $upstream
}

proc relay::pass {from direction plan} {
    variable peer
    variable passed
    if {![info exists peer($from)]} { return }
    set to $peer($from)
    set size [expr {[dict exists $plan drip] ? [dict get $plan drip] : 16384}]
    if {[dict exists $plan $direction]} {
        set size [expr {min($size, [dict get $plan $direction] - $passed($from))}]
    }
    if {[dict exists $plan hold] && $direction eq "up"} {
        set size [expr {min($size, [dict get $plan hold] - $passed($from))}]
    }
    set bytes ""
    catch {set bytes [read $from $size]}
    if {[eof $from]} {
        cut $from
        return
    }
    incr passed($from) [string length $bytes]
    if {[catch {puts -nonewline $to $bytes}]} {
        cut $from
        return
    }
    if {[dict exists $plan $direction] && $passed($from) >= [dict get $plan $direction]} {
        cut $from
        return
    }
    if {[dict exists $plan hold] && $direction eq "up" && $passed($from) >= [dict get $plan hold]} {
        fileevent $from readable {}
        fileevent $to readable {}
    }
}

proc relay::cut {from} {
    variable peer
    variable passed
    if {![info exists peer($from)]} { return }
    set to $peer($from)
    foreach channel [list $from $to] {
        catch {close $channel}
        unset -nocomplain peer($channel) passed($channel)
    }
}

proc relay::cut_all {} {
    variable links
    foreach channel $links { cut $channel }
    set links {}
}

# The bytes of a ClientHello, as openssl s_client sends them.
proc captured_client_hello {} {
    global captured
    if {[info exists captured]} { return $captured }
    set ::hello_bytes ""
    set server [socket -server {apply {{channel host port} {
        fconfigure $channel -blocking 0 -translation binary
        fileevent $channel readable [list apply {{channel} {
            append ::hello_bytes [read $channel]
            if {[eof $channel]} { close $channel }
        }} $channel]
    }}} -myaddr 127.0.0.1 0]
    set port [lindex [fconfigure $server -sockname] 2]
    set client [open "|timeout 5 openssl s_client -connect 127.0.0.1:$port 2>@1" r+]
    wait_until 1 5 { expr {[string length $::hello_bytes] > 100} }
    foreach pid [pid $client] { kill_process $pid }
    catch {close $client}
    close $server
    set captured $::hello_bytes
    return $captured
}

# -- material --

# Whoever opens the file waits.
proc hold {path} {
    catch {release_file $path}
    set ::holders($path) [open |[list perl [file join $::root tests support hold-file.pl] $path 2>@1] r+]
    assert_equal held [gets $::holders($path)]
}

# The same of a new file, which is empty.
proc hold_file {name} {
    set path [file join [srv dir] $name]
    write_file $path ""
    hold $path
    return $path
}

proc release_file {path} {
    close $::holders($path)
    unset ::holders($path)
}

proc release_until_answered {path} {
    release_file $path
    wait_until 0 10 {s blocked_clients}
}

# SHUTDOWN, while a worker waits for a file.
proc assert_ends_while_files_are_read {} {
    set pid [srv pid]
    server_may_exit
    catch {r shutdown nosave}
    wait_until 0 10 {process_alive $pid}
    assert_equal 1 [server_log_contains "*Files of a TLS change are still being read*"]
    assert_equal 1 [server_log_contains "*bye bye*"]
}

# Of the certificate that a new connection gets, as serial_of tells it of a file's.
proc serial_at {port} {
    regexp {(-----BEGIN CERTIFICATE-----.*-----END CERTIFICATE-----)} [
        s_client $port -input "QUIT\r\n"] -> pem
    return [exec openssl x509 -noout -serial << $pem]
}

proc served_subject_serial {} { return [serial_at [srv tls_port]] }

proc serial_of {name} { return [exec openssl x509 -noout -serial -in [certificate $name.crt]] }
