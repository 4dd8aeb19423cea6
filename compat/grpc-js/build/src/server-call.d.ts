export {
  ServerDuplexStream, ServerErrorResponse, ServerReadableStream, ServerUnaryCall, ServerWritableStream, UntypedHandleCall,
  handleBidiStreamingCall, handleClientStreamingCall, handleServerStreamingCall, handleUnaryCall, sendUnaryData,
} from 'millrace/grpc';
