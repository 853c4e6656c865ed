// The microphone, or why there is none.

import { Problem } from "./api.js";

const CAUSES = {
  NotAllowedError: ["The browser did not give this page the microphone.", "Allow it beside the address of this page, then talk again."],
  NotFoundError: ["This machine has no microphone.", "Plug one in, or choose one in the settings of your system."],
  NotReadableError: ["The microphone is there, but it can’t be opened.", "Another program may be holding it; close that, then talk again."],
};

/** Asks for the microphone; throws Problem. The user must have clicked. */
export async function openMicrophone() {
  if (!navigator.mediaDevices) throw insecure();
  try {
    return await navigator.mediaDevices.getUserMedia({
      audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 },
    });
  } catch (error) {
    const [detail, remedy] = CAUSES[error.name] ?? [`The microphone can’t be used: ${error.message || error.name}.`, ""];
    throw new Problem({ code: "microphone", detail, remedy });
  }
}

/** Secure Contexts §3: only https and loopback addresses are trusted with a microphone. */
function insecure() {
  const port = location.port || "80";
  return new Problem({
    code: "insecure_page",
    detail: "Browsers give the microphone only to pages that come by https or from this very machine.",
    remedy: `Bring the gateway to this machine with \`ssh -L ${port}:localhost:${port} ${location.hostname}\`, then open \`http://localhost:${port}\`.`,
  });
}

/** What is said of one that was there: unplugged, or taken back by the browser. */
export function gone() {
  return new Problem({
    code: "microphone",
    detail: "The microphone is gone.",
    remedy: "Plug it in again, or allow it beside the address of this page, then talk again.",
  });
}
