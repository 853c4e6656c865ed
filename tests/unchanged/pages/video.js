// A browser with no library: microphone, camera and screen, in the order of Pipecat's transceivers.

const gathered = (pc) =>
  new Promise((resolve) => {
    const look = () => pc.iceGatheringState === "complete" && resolve();
    pc.addEventListener("icegatheringstatechange", look);
    look();
  });

window.call = async (url) => {
  const own = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
  const screen = await navigator.mediaDevices.getDisplayMedia({ video: true });
  const pc = new RTCPeerConnection();
  const tracks = [...own.getAudioTracks(), ...own.getVideoTracks(), ...screen.getVideoTracks()];
  for (const track of tracks) pc.addTransceiver(track, { direction: "sendrecv" });
  const channel = pc.createDataChannel("chat");
  channel.addEventListener("open", () => setInterval(() => channel.readyState === "open" && channel.send("ping"), 1000));
  await pc.setLocalDescription();
  await gathered(pc);
  const { sdp, type } = pc.localDescription;
  const headers = { "Content-Type": "application/json" };
  const response = await fetch(`${url}/api/offer`, { method: "POST", headers, body: JSON.stringify({ sdp, type }) });
  if (!response.ok) throw new Error(await response.text());
  await pc.setRemoteDescription(await response.json());
  window.pc = pc;
};
window.frames = async () =>
  [...(await window.pc.getStats()).values()]
    .filter((report) => report.type === "inbound-rtp" && report.kind === "video")
    .reduce((sum, report) => sum + (report.framesDecoded ?? 0), 0);
window.leave = () => window.pc.close();
