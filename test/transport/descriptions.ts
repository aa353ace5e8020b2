/** Descriptions as real peers write them (identities replaced). */
const lines = (text: string): string => `${text.trim().split('\n').join('\r\n')}\r\n`;

const fingerprint = '5E:BF:C7:F9:D2:1B:A7:71:36:81:98:24:71:47:47:43:04:28:C7:57:E4:16:A7:AB:5A:29:78:5E:A0:6B:EA:57';

export const chromiumOffer = lines(`v=0
o=- 4611731400430051336 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0
a=extmap-allow-mixed
a=msid-semantic: WMS
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
a=ice-ufrag:Xy/+
a=ice-pwd:o6FdnNpYFdjLpAys4U+faIab
a=ice-options:trickle
a=fingerprint:sha-256 ${fingerprint}
a=setup:actpass
a=mid:0
a=sctp-port:5000
a=max-message-size:262144`);

export const firefoxAnswer = lines(`v=0
o=mozilla...THIS_IS_SDPARTA-128.0 5827434719134286093 0 IN IP4 0.0.0.0
s=-
t=0 0
a=sendrecv
a=fingerprint:sha-256 ${fingerprint}
a=group:BUNDLE 0
a=ice-options:trickle
a=msid-semantic:WMS *
m=application 50123 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 192.0.2.9
a=candidate:0 1 UDP 2122252543 192.0.2.9 50123 typ host
a=sendrecv
a=end-of-candidates
a=ice-pwd:d5a2f1e0c3b4a59687786950413223ff
a=ice-ufrag:1f2e3d4c
a=mid:0
a=setup:active
a=sctp-port:5000
a=max-message-size:1073741823`);

export const libdatachannelOffer = lines(`v=0
o=rtc 2743410218 0 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0
a=msid-semantic:WMS *
a=ice-options:ice2,trickle
a=fingerprint:sha-256 ${fingerprint}
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
a=mid:0
a=sendrecv
a=sctp-port:5000
a=max-message-size:262149
a=setup:actpass
a=ice-ufrag:K1s1
a=ice-pwd:JJ+WIjZqMJobm4hlNUyEr9`);
